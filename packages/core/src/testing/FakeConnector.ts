/**
 * A connector to a server that does not exist, whose steps do what a test tells them to: succeed, fail, die, hang, take their
 * time, or wait for the test. The server can be down or slow for a while. It counts, and keeps a log of every opening, call, close and
 * abort.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import { FakeConnector } from "@cenote/core/testing"
 * import * as Effect from "effect/Effect"
 *
 * // The server is down for the first two openings.
 * export const program = Effect.gen(function*() {
 *   const fake = yield* FakeConnector.make()
 *   yield* fake.next("open", FakeConnector.fail(), FakeConnector.fail())
 *   const pool = yield* ConnectionPool.make({ connector: fake.connector })
 *   const failure = yield* Effect.flip(pool.use((connection) => Effect.succeed(connection.id)))
 *   return { failure, opened: (yield* fake.counts).opened }
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Connector from "../model/connector.js"
import type { Behaviour, Step } from "./behaviour.js"
import { FakeError } from "./behaviour.js"
import type { Counts, LogEntry } from "./log.js"
import * as Outage from "./Outage.js"
import type { Connection, Spell } from "./server.js"
import { Server } from "./server.js"

/**
 * @since 0.1.0
 */
export * from "./behaviour.js"

/**
 * @since 0.1.0
 */
export * from "./log.js"

/**
 * A connection to nowhere.
 *
 * @since 0.1.0
 * @category models
 */
export interface FakeConnection {
  /** From 0, in order of opening. */
  readonly id: number
  /** Whether it is open: neither closed, nor aborted, nor killed. */
  readonly isAlive: boolean
  /** Whether its state is another's: marked `dirty` and not reset since. A pool never hands out one that is. */
  readonly isDirty: boolean
  /** Says that the next `needsReset` is to be true, as an interrupted query would. */
  readonly dirty: () => void
  /**
   * A call to the server, as a query is: ends as the step `call` was told to. Fails where the connection is dead, or dies meanwhile.
   * Interrupting it ends it at once and leaves the connection `dirty`.
   */
  readonly call: Effect.Effect<void, FakeError>
}

/**
 * The server, as a test sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface FakeConnector {
  readonly connector: Connector.Connector<FakeConnection, FakeError>
  /** What a step does from now on, when nothing is scripted for it by `next`. At first: `ok`. */
  readonly set: (step: Step, behaviour: Behaviour) => Effect.Effect<void>
  /** What the next runs of a step do, one each. */
  readonly next: (step: Step, ...behaviours: ReadonlyArray<Behaviour>) => Effect.Effect<void>
  /** The connection dies, and its connector notices: `onLost`, and `isBroken` from now on. */
  readonly kill: (connection: number) => Effect.Effect<void>
  /** The connection's connector says that the server is in trouble: `onCritical`. */
  readonly critical: (connection: number) => Effect.Effect<void>
  /** An outage that begins now. Default: it is down until `recover`. */
  readonly outage: (
    duration?: Duration.DurationInput | undefined,
    manner?: Outage.Manner | undefined
  ) => Effect.Effect<void>
  /** A script of outages, whose times are counted from now. Those that begin later begin as long as the Scope is open. */
  readonly outages: (...outages: ReadonlyArray<Outage.Outage>) => Effect.Effect<void, never, Scope.Scope>
  /** Ends every outage now, those of a script that are still to come too. What hung in one is answered. */
  readonly recover: Effect.Effect<void>
  readonly counts: Effect.Effect<Counts>
  readonly log: Effect.Effect<ReadonlyArray<LogEntry>>
}

/**
 * Which of the optional steps the connector has. Default: all.
 *
 * @since 0.1.0
 * @category models
 */
export interface FakeOptions {
  readonly check?: boolean | undefined
  readonly ping?: boolean | undefined
  readonly reset?: boolean | undefined
  /** Without it, a returned connection is reset only when it was marked `dirty`. Default: false. */
  readonly alwaysReset?: boolean | undefined
  readonly onLost?: boolean | undefined
  readonly onCritical?: boolean | undefined
  readonly abort?: boolean | undefined
}

const open = (server: Server): Effect.Effect<FakeConnection, FakeError, Scope.Scope> =>
  Effect.suspend(() => {
    const id = server.begin()
    // Between the answer and the finalizer nothing can come: the session is never left behind.
    return Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(
        restore(server.run("open")),
        Effect.suspend(() => {
          const reason = server.downBecause
          if (reason !== undefined) return Effect.fail(new FakeError({ step: "open", reason }))
          const connection = server.connect(id)
          return Effect.as(Effect.addFinalizer(() => close(server, connection)), connection)
        })
      )
    )
  })

const close = (server: Server, connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    server.record("closing", connection.id)
    return Effect.ensuring(
      Effect.orDie(Effect.interruptible(server.run("close"))),
      Effect.sync(() => {
        connection.die()
        server.record("closed", connection.id)
      })
    )
  })

const makeConnector = (server: Server, options: FakeOptions): Connector.Connector<FakeConnection, FakeError> => {
  const step = (step: Step, event: LogEntry["event"]) => (connection: FakeConnection) =>
    Effect.suspend(() => {
      server.record(event, connection.id)
      return Effect.filterOrFail(
        server.run(step),
        () => connection.isAlive,
        () => new FakeError({ step, reason: "the connection is dead" })
      )
    })
  const of = (connection: FakeConnection): Connection => connection as Connection
  return Connector.make({
    name: "fake",
    open: open(server),
    check: options.check === false ? undefined : step("check", "checked"),
    ping: options.ping === false ? undefined : step("ping", "pinged"),
    reset: options.reset === false ?
      undefined :
      (connection) =>
        Effect.tap(step("reset", "reset")(connection), () =>
          Effect.sync(() => {
            of(connection).isDirty = false
          })),
    needsReset: (connection) => options.alwaysReset === true || of(connection).isDirty,
    isBroken: (connection) => !connection.isAlive,
    onLost: options.onLost === false ? undefined : (connection, lost) => {
      of(connection).lost = lost
      if (!connection.isAlive) lost("it was dead already")
    },
    onCritical: options.onCritical === false ? undefined : (connection, critical) => {
      of(connection).critical = critical
    },
    abort: options.abort === false ? undefined : (connection) => {
      of(connection).die()
      server.record("aborted", connection.id)
    }
  })
}

/**
 * Makes a server that lets everyone in, and its connector.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: FakeOptions = {}): Effect.Effect<FakeConnector> =>
  Effect.map(Effect.clock, (clock) => {
    const now = () => clock.unsafeCurrentTimeMillis()
    const server = new Server(now)
    const begin = (spell: Spell): Effect.Effect<void, never, Scope.Scope> => {
      const begins = Effect.sync(() => server.begins(spell))
      const wait = spell.from - now()
      return wait > 0 ? Effect.asVoid(Effect.forkScoped(Effect.delay(begins, wait))) : begins
    }
    return {
      connector: makeConnector(server, options),
      set: (step, behaviour) => Effect.sync(() => server.set(step, behaviour)),
      next: (step, ...behaviours) => Effect.sync(() => server.script(step, behaviours)),
      kill: (id) => Effect.sync(() => server.kill(id)),
      critical: (id) => Effect.sync(() => server.find(id)?.critical?.()),
      outage: (duration = Duration.infinity, manner = Outage.down) =>
        Effect.sync(() => server.begins(server.foresee(Outage.between(0, duration, manner)))),
      outages: (...outages) =>
        Effect.suspend(() => Effect.forEach(outages.map((outage) => server.foresee(outage)), begin, { discard: true })),
      recover: Effect.sync(() => server.recover()),
      counts: Effect.sync(() => server.counts),
      log: Effect.sync(() => [...server.log])
    }
  })
