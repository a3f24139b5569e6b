import { constVoid } from "effect/Function"
import type { DriverClient } from "./driver.js"
import type { Work } from "./job.js"

/** pg's record of what it has prepared on a connection: name to text. */
interface Remembers {
  readonly parsedStatements: Record<string, string>
}

const recordOf = (client: DriverClient) => (client.connection as unknown as Remembers).parsedStatements

/**
 * The statements that a connection has prepared, the least recently used first. A name is never used for another text: pg would
 * refuse it.
 */
export class Prepared {
  private readonly names = new Map<string, string>()
  private count = 0

  constructor(private readonly size: number) {}

  /** The name to prepare the text under, and the name that has lost its place to it. */
  nameOf(text: string): { readonly name: string; readonly evicted: string | undefined } {
    const name = this.names.get(text) ?? `cenote_${this.count++}`
    this.names.delete(text)
    this.names.set(text, name)
    return { name, evicted: this.names.size > this.size ? this.evict() : undefined }
  }

  /** The server has forgotten all of them. */
  clear(client: DriverClient): void {
    this.names.clear()
    const record = recordOf(client)
    for (const name of Object.keys(record)) delete record[name]
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
  readonly isAnswered = false

  constructor(private readonly name: string) {}

  get sql(): string {
    return `DEALLOCATE ${this.name}`
  }

  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    const { name } = this
    const query = {
      submit: ({ close, sync }: { close: (what: object) => void; sync: () => void }) => {
        close.call(client.connection, { type: "S", name })
        sync.call(client.connection)
      },
      handleReadyForQuery: () => {
        delete recordOf(client)[name]
        answered(undefined, undefined)
      },
      handleError: (error: unknown) => answered(error, undefined)
    }
    client.query(query as never)
  }

  readonly succeed = constVoid
  readonly fail = constVoid

  leave(): "ends" {
    return "ends"
  }
}
