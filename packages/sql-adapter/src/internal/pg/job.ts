import * as Effect from "effect/Effect"
import type { PgQueryOptions } from "../../PgConnection.js"
import type { PgQueryError } from "../../PgError.js"
import type { DriverClient } from "./driver.js"

/** What a job comes to. */
export type Answer = Effect.Effect<any, PgQueryError>

/** pg answers several statements with several results. */
const last = (result: unknown): unknown => Array.isArray(result) ? result[result.length - 1] : result

/** What has its turn on the wire, and what is told to it. */
export interface Work {
  readonly sql: string
  /** What becomes of it when nobody waits for it any more: a query is cancelled, the end of a transaction runs on. */
  readonly whenLeft: "cancel" | "finish"
  readonly isAnswered: boolean
  /** Whether the server alone decides how long it takes. */
  readonly isBounded: boolean
  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void
  succeed(result: unknown): void
  fail(error: PgQueryError): void
  /** Nobody waits any more for what the server has. Whether the server must be told to stop. */
  leave(): "cancel" | "ends"
}

/**
 * A statement, from the call that asks for it to its answer.
 */
export class Job implements Work {
  readonly isBounded = true
  private answer: Answer | undefined
  private listener: ((answer: Answer) => void) | undefined

  constructor(
    readonly sql: string,
    readonly whenLeft: "cancel" | "finish",
    private readonly params?: ReadonlyArray<unknown>,
    private readonly options?: PgQueryOptions,
    private readonly pick: (result: unknown) => unknown = last
  ) {}

  get isAnswered(): boolean {
    return this.answer !== undefined
  }

  listen(listener: (answer: Answer) => void): void {
    if (this.answer === undefined) this.listener = listener
    else listener(this.answer)
  }

  /** The first answer holds: the driver gives another when encoding a parameter failed. */
  resolve(answer: Answer): void {
    if (this.answer !== undefined) return
    this.answer = answer
    this.listener?.(answer)
  }

  succeed(result: unknown): void {
    this.resolve(Effect.succeed(this.pick(result)))
  }

  fail(error: PgQueryError): void {
    this.resolve(Effect.fail(error))
  }

  leave(): "cancel" {
    return "cancel"
  }

  /** Gives it to pg, which is slower with an object than with a text. */
  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    const values = this.params as Array<unknown> | undefined
    const query = this.options === undefined ? this.sql : { text: this.sql, ...this.options }
    if (values === undefined) client.query(query as string, answered)
    else client.query(query as string, values, answered)
  }
}
