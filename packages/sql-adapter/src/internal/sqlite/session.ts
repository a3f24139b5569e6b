import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import type * as Stream from "effect/Stream"
import type Database from "libsql/promise"
import type {
  SqliteConnection,
  SqliteQueryOptions,
  SqliteResult,
  SqliteStreamOptions,
  SqliteTransactionOptions
} from "../../SqliteConnection.js"
import { TypeId } from "../../SqliteConnection.js"
import type { SqliteQueryError } from "../../SqliteError.js"
import { guarded } from "../wire/guarded.js"
import { CursorJob, cursorStream, defaultChunkSize } from "./cursor.js"
import { clientError, lostError } from "./failure.js"
import type { Handle } from "./handle.js"
import type { Call, Work } from "./job.js"
import { Job } from "./job.js"
import type { Settings } from "./settings.js"
import { inTransaction } from "./transaction.js"
import { encode } from "./values.js"

const nothing: Effect.Effect<SqliteResult<never>> = Effect.succeed({ rows: [], changes: 0, lastInsertRowid: 0 })

/** A connection, and the connector's steps on it. */
export class Session implements SqliteConnection {
  readonly [TypeId]: TypeId = TypeId
  /** Whether `withTransaction` has one. */
  transaction: "none" | "open" = "none"

  constructor(readonly handle: Handle, private readonly settings: Settings, private readonly nanos: () => bigint) {}

  get isReadOnly(): boolean {
    return this.settings.target.readOnly
  }

  get unsafeDatabase(): Database {
    const { database } = this.handle
    if (database === undefined) throw new Error("The connection is closed.")
    return database as unknown as Database
  }

  /** What is printed of it. The settings know the encryption key. */
  toJSON(): unknown {
    return {
      _id: "SqliteConnection",
      filename: this.settings.filename,
      isReadOnly: this.isReadOnly,
      state: this.handle.state,
      doing: this.handle.doing
    }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  readonly query = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: SqliteQueryOptions
  ): Effect.Effect<SqliteResult<Row>, SqliteQueryError> =>
    Effect.uninterruptibleMask((restore) => {
      const call = this.call(sql, params, options)
      if (Effect.isEffect(call)) return call
      const job = new Job(call, "interrupt")
      const answer = Effect.async<SqliteResult<Row>, SqliteQueryError>((resume) => {
        job.listen(resume)
        this.handle.submit(job)
      })
      // As onInterrupt, at less than half of its cost: a job that is answered has nothing to be left.
      return Effect.catchAllCause(restore(answer), (cause) => {
        this.handle.leave(job)
        return Effect.failCause(cause)
      })
    })

  readonly stream = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: SqliteStreamOptions
  ): Stream.Stream<Row, SqliteQueryError> =>
    cursorStream(
      this.handle,
      Effect.suspend(() => {
        const call = this.call(sql, params, options)
        if (Effect.isEffect(call)) return Effect.as(call, undefined)
        return Effect.succeed(new CursorJob(call, options?.chunkSize ?? defaultChunkSize, this.nanos))
      })
    )

  /** The same, until `isOver`. Only for `query` and `stream`. */
  within(isOver: () => boolean): Session {
    const refuse = (work: Work) =>
      work.fail(clientError(work.call.statement.sql, "Whoever asks does not have the connection any more"))
    return new Session(guarded(this.handle, isOver, refuse), this.settings, this.nanos)
  }

  /** What is to be run, or what it comes to without being run. */
  private call(
    sql: string,
    params: ReadonlyArray<unknown> | undefined,
    options: SqliteQueryOptions | undefined
  ): Call | Effect.Effect<SqliteResult<never>, SqliteQueryError> {
    const text = this.handle.statements.text(sql)
    switch (text._tag) {
      case "Empty":
        return nothing
      case "Refused":
        return Effect.fail(clientError(sql, text.problem))
      case "Statement": {
        const encoded = encode(text, params)
        if ("problem" in encoded) return Effect.fail(clientError(sql, encoded.problem))
        const rowMode = options?.rowMode ?? "object"
        const safeIntegers = options?.safeIntegers ?? this.settings.safeIntegers
        return { statement: text, bound: encoded.bound, shape: { rowMode, safeIntegers } }
      }
    }
  }

  /**
   * Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. Without a
   * transaction ROLLBACK has nothing to do, and COMMIT fails with `RolledBack`; one that fails otherwise is followed by ROLLBACK.
   */
  finish(sql: string): Effect.Effect<SqliteResult<object>, SqliteQueryError> {
    const call = this.call(sql, undefined, undefined)
    if (Effect.isEffect(call)) return call
    const job = new Job(call, "finish")
    this.handle.submit(job)
    return Effect.async((resume) => job.listen(resume))
  }

  readonly withTransaction = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: SqliteTransactionOptions
  ): Effect.Effect<A, E | SqliteQueryError, R> => inTransaction(this, this, effect, options)

  get isBroken(): boolean {
    return this.handle.state !== "Open"
  }

  get needsReset(): boolean {
    return !this.handle.isSettled || this.handle.findTransaction()
  }

  /** Ends what a lease has left behind. One that takes too long leaves a connection that is not worth keeping. */
  readonly reset: Effect.Effect<void, SqliteQueryError> = Effect.suspend(() => {
    this.handle.leaveAll()
    return this.settled
  }).pipe(
    Effect.zipRight(
      Effect.suspend(() => this.handle.findTransaction() ? Effect.asVoid(this.finish("ROLLBACK")) : Effect.void)
    ),
    Effect.zipRight(Effect.suspend(() =>
      this.handle.findTransaction()
        ? Effect.fail(clientError("ROLLBACK", "A transaction is still open after ROLLBACK."))
        : Effect.void
    )),
    Effect.onInterrupt(() => Effect.sync(() => this.handle.lose(new Error("it was not reset in time"))))
  )

  private readonly settled: Effect.Effect<void, SqliteQueryError> = Effect.async((resume) =>
    this.handle.whenSettled((lost) => resume(lost ? Effect.fail(lostError("", lost.reason)) : Effect.void))
  )

  /** Asks SQLite, but not for the file, which somebody else may have locked. Interrupted, it says that nobody is there. */
  readonly check: Effect.Effect<void, SqliteQueryError> = Effect.suspend(() => this.finish("SELECT 1")).pipe(
    Effect.onInterrupt(() => Effect.sync(() => this.handle.lose(new Error("it did not answer a check in time")))),
    Effect.asVoid
  )

  readonly close: Effect.Effect<void> = Effect.async((resume) => this.handle.close(() => resume(Effect.void)))
}
