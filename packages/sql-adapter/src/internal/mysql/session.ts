import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import type * as Stream from "effect/Stream"
import type { Connection } from "mysql2"
import type { MysqlConnection, MysqlQueryOptions, MysqlResult, MysqlTransactionOptions } from "../../MysqlConnection.js"
import { TypeId } from "../../MysqlConnection.js"
import type { MysqlConnectError, MysqlQueryError } from "../../MysqlError.js"
import type { Timer } from "../timer.js"
import { guarded } from "../wire/guarded.js"
import { clientError, connectError, lostError, setupError } from "./failure.js"
import type { Answered, Work } from "./job.js"
import { Job, Ping, toResult } from "./job.js"
import { identify, identityOf } from "./kill.js"
import { rowsStream } from "./rows.js"
import type { Settings } from "./settings.js"
import { inTransaction } from "./transaction.js"
import { Wire } from "./wire.js"

/** A connection, and the connector's steps on it. */
export class Session implements MysqlConnection {
  readonly [TypeId]: TypeId = TypeId
  readonly wire: Wire

  constructor(private readonly settings: Settings, after: Timer) {
    this.wire = new Wire(settings, after)
  }

  get threadId(): number {
    return this.wire.client.threadId ?? 0
  }

  get unsafeClient(): Connection {
    return this.wire.client
  }

  /** What is printed of it. The client knows the password. */
  toJSON(): unknown {
    const { database, host, port, user } = this.settings.place
    return { _id: "MysqlConnection", host, port, database, user, threadId: this.threadId, state: this.wire.state }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  readonly query = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: MysqlQueryOptions
  ): Effect.Effect<MysqlResult<Row>, MysqlQueryError> => this.answer(sql, params, options, toResult)

  readonly stream = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: MysqlQueryOptions
  ): Stream.Stream<Row, MysqlQueryError> => rowsStream(this.wire, sql, params, options)

  /** A statement's answer as `pick` makes it of the driver's. */
  answer<A>(
    sql: string,
    params: ReadonlyArray<unknown> | undefined,
    options: MysqlQueryOptions | undefined,
    pick: (answer: Answered) => A
  ): Effect.Effect<A, MysqlQueryError> {
    return Effect.uninterruptibleMask((restore) => {
      const job = new Job(sql, "cancel", pick, params, options)
      const answer = Effect.async<A, MysqlQueryError>((resume) => {
        job.listen(resume)
        this.wire.submit(job)
      })
      // As onInterrupt, at less than half of its cost: a job that is answered has nothing to be left.
      return Effect.catchAllCause(restore(answer), (cause) => {
        this.wire.leave(job)
        return Effect.failCause(cause)
      })
    })
  }

  /** The same, until `isOver`. Only for `answer` and `rows`. */
  within(isOver: () => boolean): Session {
    const { wire } = this
    const refuse = (job: Work) => job.fail(clientError(job.sql, "Whoever asks does not have the connection any more"))
    const until = Object.assign(guarded(wire, isOver, refuse), { watch: () => wire.watch() })
    return Object.assign(Object.create(this), { wire: until })
  }

  rows(sql: string, params: ReadonlyArray<unknown>): Stream.Stream<any, MysqlQueryError> {
    return rowsStream(this.wire, sql, params)
  }

  private ask<A>(job: Job<A>): Effect.Effect<A, MysqlQueryError> {
    this.wire.submit(job)
    return Effect.async((resume) => job.listen(resume))
  }

  /** Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. */
  readonly finish = (sql: string): Effect.Effect<MysqlResult<object>, MysqlQueryError> =>
    this.ask(new Job(sql, "finish", toResult))

  private readonly ping = (): Effect.Effect<"none" | "open" | "unknown", MysqlQueryError> =>
    this.ask(new Ping(() => this.wire.transactionStatus))

  /** Whether it is in a transaction; the server is asked where only it knows. */
  readonly status: Effect.Effect<"none" | "open" | "unknown", MysqlQueryError> = Effect.suspend(() =>
    this.wire.transactionStatus === "unknown" ? this.ping() : Effect.succeed(this.wire.transactionStatus)
  )

  /**
   * COMMIT, asked for in the same way. It succeeds without a transaction too, which is told where a statement may have ended it: a
   * deadlock's victim is rolled back, and what follows it is done outside of the transaction. What ended it by committing, as CREATE
   * TABLE does, is done.
   */
  readonly commit = (): Effect.Effect<"Done" | "RolledBack", MysqlQueryError> => {
    if (!this.wire.hasLost) return Effect.as(this.finish("COMMIT"), "Done")
    const status = this.ping()
    const committed = this.finish("COMMIT")
    return Effect.flatMap(status, (status) => Effect.as(committed, status === "none" ? "RolledBack" : "Done"))
  }

  readonly withTransaction = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: MysqlTransactionOptions
  ): Effect.Effect<A, E | MysqlQueryError, R> => inTransaction(this, this.wire, effect, options)

  /** Interrupted, it leaves nothing behind. */
  readonly connect: Effect.Effect<void, MysqlConnectError> = Effect.suspend(() => this.connected).pipe(
    Effect.zipRight(Effect.suspend(() => this.identified)),
    Effect.zipRight(
      Effect.suspend(() =>
        Effect.forEach(
          [...this.wanted, ...this.settings.setup],
          (sql) => Effect.mapError(this.query(sql), (error) => setupError(this.settings.place, error)),
          { discard: true }
        )
      )
    )
  )

  private readonly connected: Effect.Effect<void, MysqlConnectError> = Effect.async((resume) => {
    this.wire.connect(
      () => resume(Effect.void),
      (reason) => resume(Effect.fail(connectError(this.settings.place, reason)))
    )
    return Effect.sync(() => this.wire.destroy(new Error("the opening was interrupted")))
  })

  /** For a KILL, which must not reach another server. One that does not know the question is taken for the only one. */
  private readonly identified: Effect.Effect<void, MysqlConnectError> = Effect.suspend(() =>
    this.answer(identify, undefined, { rowMode: "array" }, ({ rows }) => identityOf(rows))
  ).pipe(
    Effect.catchAll((error) =>
      error.reason === "ConnectionLost"
        ? Effect.fail(connectError(this.settings.place, error.cause))
        : Effect.succeed(undefined)
    ),
    Effect.map((server) => {
      this.wire.server = server
    })
  )

  /** What the options want of the session. */
  private get wanted(): ReadonlyArray<string> {
    const { statementTimeout } = this.settings
    return [
      ...(this.wire.isBackslashLiteral ? [withoutNoBackslashEscapes] : []),
      ...(statementTimeout === undefined
        ? []
        : this.wire.isMariaDb
        ? [`SET SESSION max_statement_time = ${statementTimeout / 1_000}`]
        : [`SET SESSION max_execution_time = ${statementTimeout}`])
    ]
  }

  get isBroken(): boolean {
    return this.wire.state !== "Open"
  }

  get needsReset(): boolean {
    return this.wire.transactionStatus !== "none" || !this.wire.isSettled
  }

  /** Ends what a lease has left behind. One that takes too long leaves a connection that is not worth a goodbye. */
  readonly reset: Effect.Effect<void, MysqlQueryError> = Effect.suspend(() => {
    this.wire.leaveAll()
    return this.settled
  }).pipe(
    Effect.zipRight(
      Effect.suspend(() =>
        this.wire.transactionStatus === "none" ? Effect.void : Effect.asVoid(this.finish("ROLLBACK"))
      )
    ),
    Effect.zipRight(Effect.suspend(() =>
      this.wire.transactionStatus === "none"
        ? Effect.void
        : Effect.fail(clientError("ROLLBACK", "A transaction is still open after ROLLBACK."))
    )),
    Effect.onInterrupt(() => Effect.sync(() => this.wire.destroy(new Error("it was not reset in time"))))
  )

  private readonly settled: Effect.Effect<void, MysqlQueryError> = Effect.async((resume) =>
    this.wire.whenSettled((lost) => resume(lost ? Effect.fail(lostError("", lost.reason)) : Effect.void))
  )

  /** One round trip that changes nothing. Interrupted, it says that nobody is there. */
  readonly check: Effect.Effect<void, MysqlQueryError> = Effect.suspend(() => this.ping()).pipe(
    Effect.onInterrupt(() => Effect.sync(() => this.wire.destroy(new Error("it did not answer a check in time")))),
    Effect.asVoid
  )

  readonly close: Effect.Effect<void> = Effect.async((resume) => this.wire.close(() => resume(Effect.void)))
}

const withoutNoBackslashEscapes = "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')"
