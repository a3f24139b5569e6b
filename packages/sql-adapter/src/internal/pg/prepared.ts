import { constVoid } from "effect/Function"
import { createHash } from "node:crypto"
import type { DriverClient } from "./driver.js"
import type { Work } from "./job.js"
import { close, forgetAll } from "./statement.js"

/** The server cuts a name at 63 bytes. */
const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32)

/**
 * The statements that a connection has prepared, the least recently used first. A name is never used for another text, or again: pg would
 * refuse it. On another connection neither: behind a pooler it may have the same session of the server, which would run what it has of that name.
 */
export class Prepared {
  private readonly names = new Map<string, string>()
  private count = 0

  constructor(private readonly size: number) {}

  /** The name to prepare the text under, and the name that has lost its place to it. */
  nameOf(text: string): { readonly name: string; readonly evicted: string | undefined } {
    const name = this.names.get(text) ?? `cenote_${digest(text)}_${this.count++}`
    this.names.delete(text)
    this.names.set(text, name)
    return { name, evicted: this.names.size > this.size ? this.evict() : undefined }
  }

  /** The server has forgotten all of them. */
  clear(client: DriverClient): void {
    this.names.clear()
    forgetAll(client)
  }

  private evict(): string | undefined {
    for (const [text, name] of this.names) {
      this.names.delete(text)
      return name
    }
    return undefined
  }
}

/**
 * Has the server forget a prepared statement. With the protocol's own message, since DEALLOCATE fails where there is no such statement, and a
 * failure ends a transaction.
 */
export class Forget implements Work {
  readonly whenLeft = "finish"
  readonly isBounded = true
  readonly mayShare = true
  isAnswered = false

  constructor(private readonly name: string) {}

  get sql(): string {
    return `DEALLOCATE ${this.name}`
  }

  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    close(client, this.name, (error, result) => {
      this.isAnswered = true
      answered(error, result)
    })
  }

  readonly succeed = constVoid
  readonly fail = constVoid

  leave(): "ends" {
    return "ends"
  }
}
