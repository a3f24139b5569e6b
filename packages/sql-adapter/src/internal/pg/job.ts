import * as Effect from "effect/Effect"
import type { PgQueryOptions, PgResult } from "../../PgConnection.js"
import type { PgQueryError } from "../../PgError.js"
import type { DriverClient } from "./driver.js"

/** What a job comes to. */
export type Answer = Effect.Effect<PgResult<any>, PgQueryError>

/**
 * A statement, from the call that asks for it to its answer.
 *
 * `whenLeft` says what becomes of it when nobody waits for it any more: a query is cancelled, the end of a transaction runs on.
 */
export class Job {
  private answer: Answer | undefined
  private listener: ((answer: Answer) => void) | undefined

  constructor(
    readonly sql: string,
    readonly whenLeft: "cancel" | "finish",
    private readonly params?: ReadonlyArray<unknown>,
    private readonly options?: PgQueryOptions
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

  /** pg answers several statements with several results, and the last one is ours. */
  succeed(result: unknown): void {
    this.resolve(Effect.succeed(Array.isArray(result) ? result[result.length - 1] : result))
  }

  fail(error: PgQueryError): void {
    this.resolve(Effect.fail(error))
  }

  /** Gives it to pg, which is slower with an object than with a text. */
  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    const values = this.params as Array<unknown> | undefined
    const query = this.options === undefined ? this.sql : { text: this.sql, ...this.options }
    if (values === undefined) client.query(query as string, answered)
    else client.query(query as string, values, answered)
  }
}
