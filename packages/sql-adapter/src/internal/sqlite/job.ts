import * as Effect from "effect/Effect"
import type { SqliteResult } from "../../SqliteConnection.js"
import type { SqliteQueryError } from "../../SqliteError.js"
import type { Reading } from "./reading.js"
import type { Way } from "./statements.js"
import type { Statement } from "./text.js"
import { nextTurn } from "./turn.js"
import type { Bound, Shape } from "./values.js"
import { integer } from "./values.js"

/** What a job comes to. */
export type Answer = Effect.Effect<SqliteResult<any>, SqliteQueryError>

/** What a statement has changed. */
export interface Changes {
  readonly changes: number
  readonly lastInsertRowid: bigint
}

/** A statement with its parameters, and how its rows are to be. */
export interface Call {
  readonly statement: Statement
  readonly bound: ReadonlyArray<Bound>
  readonly shape: Shape
}

/** What has its turn on a connection, and what is told to it. */
export interface Work {
  readonly call: Call
  readonly way: Way
  /** How many rows to take at once when it has begun. */
  readonly firstRows: number
  /** What becomes of it when nobody waits for it any more: a query is interrupted, the end of a transaction runs on. */
  readonly whenLeft: "interrupt" | "finish"
  readonly isAnswered: boolean
  /** Reads what it wants of its rows, until `isStopped`. */
  use(reading: Reading, isStopped: () => boolean): Promise<void>
  succeed(changes: Changes): void
  fail(error: SqliteQueryError): void
  /** Nobody waits for it, or reads on, any more. */
  leave(): void
}

/** Few, as most answers are short; and as many as take no time that anybody would notice. */
const firstRows = 32
const moreRows = 256

export class Job implements Work {
  readonly way = "whole"
  readonly firstRows = firstRows
  private answer: Answer | undefined
  private listener: ((answer: Answer) => void) | undefined
  private readonly rows: Array<object> = []

  constructor(readonly call: Call, readonly whenLeft: "interrupt" | "finish") {}

  get isAnswered(): boolean {
    return this.answer !== undefined
  }

  listen(listener: (answer: Answer) => void): void {
    if (this.answer === undefined) this.listener = listener
    else listener(this.answer)
  }

  /** The first answer holds. */
  resolve(answer: Answer): void {
    if (this.answer !== undefined) return
    this.answer = answer
    this.listener?.(answer)
  }

  /** All of them. The event loop has its turns in between. */
  async use(reading: Reading, isStopped: () => boolean): Promise<void> {
    this.rows.push(...reading.next(firstRows))
    while (!reading.isEnded) {
      await nextTurn()
      if (isStopped()) return
      this.rows.push(...reading.next(moreRows))
    }
  }

  succeed({ changes, lastInsertRowid }: Changes): void {
    const { rows } = this
    this.resolve(Effect.succeed({
      rows,
      changes,
      lastInsertRowid: integer(lastInsertRowid, this.call.shape.safeIntegers)
    }))
  }

  fail(error: SqliteQueryError): void {
    this.resolve(Effect.fail(error))
  }

  leave(): void {}
}
