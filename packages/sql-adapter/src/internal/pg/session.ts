import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import type * as Stream from "effect/Stream"
import type pg from "pg"
import type {
  PgConnection,
  PgQueryOptions,
  PgResult,
  PgStreamOptions,
  PgTransactionOptions
} from "../../PgConnection.js"
import { TypeId } from "../../PgConnection.js"
import type { PgConnectError, PgQueryError } from "../../PgError.js"
import type { Timer } from "../timer.js"
import { guarded } from "../wire/guarded.js"
import { cursorStream } from "./cursor.js"
import type { Place } from "./failure.js"
import { clientError, connectError, lostError, setupError } from "./failure.js"
import type { Work } from "./job.js"
import { Job } from "./job.js"
import { Forget, Prepared } from "./prepared.js"
import type { Settings } from "./settings.js"
import { inTransaction } from "./transaction.js"
import { Wire } from "./wire.js"

/** A connection, and the connector's steps on it. */
export class Session implements PgConnection {
  readonly [TypeId]: TypeId = TypeId
  readonly wire: Wire

  private readonly names: Prepared | undefined

  constructor(private readonly settings: Settings, after: Timer) {
    this.wire = new Wire(settings, after)
    this.names = settings.preparedStatements === 0 ? undefined : new Prepared(settings.preparedStatements)
  }

  get processId(): number {
    return this.wire.client.processID ?? 0
  }

  get place(): Place {
    return this.settings.place
  }

  get unsafeClient(): pg.Client {
    return this.wire.client as unknown as pg.Client
  }

  /** What is printed of it. The client knows the password. */
  toJSON(): unknown {
    const { database, host, port, user } = this.settings.place
    return { _id: "PgConnection", host, port, database, user, processId: this.processId, state: this.wire.state }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  readonly query = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: PgQueryOptions
  ): Effect.Effect<PgResult<Row>, PgQueryError> => this.run(() => new Job(sql, "cancel", params, options))

  readonly stream = <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: PgStreamOptions
  ): Stream.Stream<Row, PgQueryError> => cursorStream(this.wire, sql, params, options)

  /** The same, until `isOver`. Only for `answer`, `prepared` and `rows`. */
  within(isOver: () => boolean): Session {
    const refuse = (job: Work) => job.fail(clientError(job.sql, "Whoever asks does not have the connection any more"))
    return Object.assign(Object.create(this), { wire: guarded(this.wire, isOver, refuse) })
  }

  /** A statement's answer as `pick` makes it of the driver's: several statements have several results. */
  answer<A>(
    sql: string,
    params: ReadonlyArray<unknown> | undefined,
    options: PgQueryOptions | undefined,
    pick: (result: unknown) => A
  ): Effect.Effect<A, PgQueryError> {
    return this.run(() => new Job(sql, "cancel", params, options, pick))
  }

  /** The same, prepared where the connector prepares statements. */
  prepared<A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    options: PgQueryOptions | undefined,
    pick: (result: unknown) => A
  ): Effect.Effect<A, PgQueryError> {
    if (this.names === undefined) return this.answer(sql, params, options, pick)
    const { names } = this
    return this.run(() => {
      const { evicted, name } = names.nameOf(sql)
      if (evicted !== undefined) this.wire.submit(new Forget(evicted))
      return new Job(sql, "cancel", params, { ...options, name }, pick)
    })
  }

  rows(sql: string, params: ReadonlyArray<unknown>): Stream.Stream<any, PgQueryError> {
    return cursorStream(this.wire, sql, params)
  }

  /** Made and given its turn in one step: between them, a name that it is prepared under could lose its place. */
  private run<A>(make: () => Job): Effect.Effect<A, PgQueryError> {
    return Effect.uninterruptibleMask((restore) => {
      let job: Job | undefined
      const answer = Effect.async<A, PgQueryError>((resume) => {
        job = make()
        job.listen(resume)
        this.wire.submit(job)
      })
      // As onInterrupt, at less than half of its cost: a job that is answered has nothing to be left.
      return Effect.catchAllCause(restore(answer), (cause) => {
        if (job !== undefined) this.wire.leave(job)
        return Effect.failCause(cause)
      })
    })
  }

  /** Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. */
  finish(sql: string): Effect.Effect<PgResult<object>, PgQueryError> {
    const job = new Job(sql, "finish")
    this.wire.submit(job)
    return Effect.async((resume) => job.listen(resume))
  }

  readonly withTransaction = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: PgTransactionOptions
  ): Effect.Effect<A, E | PgQueryError, R> => inTransaction(this, this.wire, effect, options)

  /** Interrupted, it leaves nothing behind. */
  readonly connect: Effect.Effect<void, PgConnectError> = Effect.suspend(() => this.connected).pipe(
    Effect.zipRight(
      Effect.suspend(() =>
        Effect.forEach(
          this.settings.setup,
          (sql) => Effect.mapError(this.query(sql), (error) => setupError(this.settings.place, error)),
          { discard: true }
        )
      )
    )
  )

  private readonly connected: Effect.Effect<void, PgConnectError> = Effect.async((resume) => {
    this.wire.connect(
      () => resume(Effect.void),
      (reason) => resume(Effect.fail(connectError(this.settings.place, reason)))
    )
    return Effect.sync(() => this.wire.destroy(new Error("the opening was interrupted")))
  })

  get isBroken(): boolean {
    return this.wire.state !== "Open" || this.wire.isCondemned
  }

  get needsReset(): boolean {
    const { settings, wire } = this
    // What others on it have the server do is theirs.
    const isClean = wire.isSettled || wire.isShared
    return settings.resetSession || wire.transactionStatus !== "I" || !isClean
  }

  /** Ends what a lease has left behind. One that takes too long leaves a connection that is not worth a goodbye. */
  readonly reset: Effect.Effect<void, PgQueryError> = Effect.suspend(() => {
    this.wire.leaveAll()
    return this.settled
  }).pipe(
    Effect.zipRight(
      Effect.suspend(() => this.wire.transactionStatus === "I" ? Effect.void : Effect.asVoid(this.finish("ROLLBACK")))
    ),
    Effect.zipRight(Effect.suspend(() =>
      this.wire.transactionStatus === "I"
        ? Effect.void
        : Effect.fail(clientError("ROLLBACK", "A transaction is still open after ROLLBACK."))
    )),
    Effect.zipRight(Effect.suspend(() => this.settings.resetSession ? this.renewed : Effect.void)),
    Effect.onInterrupt(() => Effect.sync(() => this.wire.lose(new Error("it was not reset in time"))))
  )

  /** As it was when it was opened. */
  private readonly renewed: Effect.Effect<void, PgQueryError> = Effect.suspend(() => this.finish("DISCARD ALL")).pipe(
    Effect.zipRight(Effect.suspend(() => {
      this.names?.clear(this.wire.client)
      return Effect.forEach(this.settings.setup, (sql) => this.finish(sql), { discard: true })
    }))
  )

  private readonly settled: Effect.Effect<void, PgQueryError> = Effect.async((resume) =>
    this.wire.whenSettled((lost) => resume(lost ? Effect.fail(lostError("", lost.reason, false)) : Effect.void))
  )

  /** One round trip that changes nothing, in a failed transaction neither. Interrupted, it says that nobody is there. */
  readonly check: Effect.Effect<void, PgQueryError> = Effect.suspend(() => this.finish("")).pipe(
    Effect.onInterrupt(() => Effect.sync(() => this.wire.lose(new Error("it did not answer a check in time")))),
    Effect.asVoid
  )

  readonly close: Effect.Effect<void> = Effect.async((resume) => this.wire.close(() => resume(Effect.void)))
}
