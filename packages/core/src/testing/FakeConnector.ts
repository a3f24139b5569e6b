/**
 * A connector to a server that does not exist, whose steps do what a test tells them to: succeed, fail, die, hang, take their
 * time, or wait for the test. It counts, and keeps a log of every opening, close and abort.
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
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Connector from "../model/connector.js"
import type { Behaviour, Step } from "./behaviour.js"
import { behave, FakeError, ok } from "./behaviour.js"

/**
 * @since 0.1.0
 */
export * from "./behaviour.js"

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
}

/**
 * What happened to a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogEntry {
  readonly event: "opening" | "opened" | "checked" | "pinged" | "reset" | "closing" | "closed" | "aborted" | "killed"
  readonly connection: number
  /** Milliseconds of the Clock. */
  readonly at: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Openings that began. */
  readonly opening: number
  readonly opened: number
  readonly checked: number
  readonly pinged: number
  readonly reset: number
  /** Closes that began: each connection's finalizer, once. */
  readonly closing: number
  /** Closes that ended. */
  readonly closed: number
  readonly aborted: number
  readonly killed: number
  /** Sessions that the server has: opened, and neither closed, aborted nor killed. */
  readonly alive: number
  /** The most sessions that the server had at one time. */
  readonly mostAlive: number
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
  readonly abort?: boolean | undefined
}

class Connection implements FakeConnection {
  isAlive = true
  isDirty = false
  lost: ((reason: unknown) => void) | undefined = undefined

  constructor(readonly id: number) {}

  dirty = (): void => {
    this.isDirty = true
  }
}

class Server {
  private readonly standing = new Map<Step, Behaviour>()
  private readonly scripted = new Map<Step, Array<Behaviour>>()
  readonly log: Array<LogEntry> = []
  private readonly connections: Array<Connection> = []
  private mostAlive = 0
  private openings = 0

  constructor(private readonly now: () => number) {}

  set(step: Step, behaviour: Behaviour): void {
    this.standing.set(step, behaviour)
  }

  script(step: Step, behaviours: ReadonlyArray<Behaviour>): void {
    this.scripted.set(step, [...this.scripted.get(step) ?? [], ...behaviours])
  }

  run(step: Step): Effect.Effect<void, FakeError> {
    return Effect.suspend(() => behave(this.scripted.get(step)?.shift() ?? this.standing.get(step) ?? ok))
  }

  record(event: LogEntry["event"], connection: number): void {
    this.log.push({ event, connection, at: this.now() })
  }

  /** Numbers an opening that begins. */
  begin(): number {
    const id = this.openings++
    this.record("opening", id)
    return id
  }

  connect(id: number): Connection {
    const connection = new Connection(id)
    this.connections.push(connection)
    this.mostAlive = Math.max(this.mostAlive, this.alive)
    this.record("opened", id)
    return connection
  }

  kill(id: number): void {
    const connection = this.connections.find((connection) => connection.id === id)
    if (connection === undefined || !connection.isAlive) return
    connection.isAlive = false
    this.record("killed", id)
    connection.lost?.("it was killed")
  }

  private get alive(): number {
    return this.connections.filter(({ isAlive }) => isAlive).length
  }

  get counts(): Counts {
    const count = (event: LogEntry["event"]) => this.log.filter((entry) => entry.event === event).length
    return {
      opening: count("opening"),
      opened: count("opened"),
      checked: count("checked"),
      pinged: count("pinged"),
      reset: count("reset"),
      closing: count("closing"),
      closed: count("closed"),
      aborted: count("aborted"),
      killed: count("killed"),
      alive: this.alive,
      mostAlive: this.mostAlive
    }
  }
}

const open = (server: Server): Effect.Effect<FakeConnection, FakeError, Scope.Scope> =>
  Effect.suspend(() => {
    const id = server.begin()
    // Between the answer and the finalizer nothing can come: the session is never left behind.
    return Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(
        restore(server.run("open")),
        Effect.suspend(() => {
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
        connection.isAlive = false
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
    abort: options.abort === false ? undefined : (connection) => {
      of(connection).isAlive = false
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
    const server = new Server(() => clock.unsafeCurrentTimeMillis())
    return {
      connector: makeConnector(server, options),
      set: (step, behaviour) => Effect.sync(() => server.set(step, behaviour)),
      next: (step, ...behaviours) => Effect.sync(() => server.script(step, behaviours)),
      kill: (id) => Effect.sync(() => server.kill(id)),
      counts: Effect.sync(() => server.counts),
      log: Effect.sync(() => [...server.log])
    }
  })
