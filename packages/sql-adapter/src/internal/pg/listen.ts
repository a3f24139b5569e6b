import type { Connector } from "@cenote/core/Connector"
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import pg from "pg"
import type { PgConnection } from "../../PgConnection.js"
import type { PgConnectError, PgQueryError } from "../../PgError.js"
import { Heard } from "../../PgNotification.js"
import { toSqlError } from "../client/failure.js"
import { ensureHearing } from "./hearing.js"

type Failure = PgConnectError | PgQueryError

/** Between tries to connect again: as the pool's own. */
const backOff = Schedule.exponential(100).pipe(Schedule.union(Schedule.spaced("5 seconds")), Schedule.jittered)

/** A connection that nobody asks anything is not seen to die by TCP for minutes. */
const checkEvery = Duration.seconds(30)
const checkTimeout = Duration.seconds(5)

interface Listener {
  readonly channel: string
  readonly hear: (heard: Heard) => void
}

/** Who listens, and the connection that hears for them. One fiber keeps it: it connects again, and listens again. */
class Hub {
  private readonly listeners = new Set<Listener>()
  private connection: PgConnection | undefined

  constructor(private readonly connector: Connector<PgConnection, PgConnectError>) {}

  /** Listens for as long as the Scope is open. It is listened to the channel from when this has ended. */
  subscribe(listener: Listener): Effect.Effect<void, Failure, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        this.listeners.add(listener)
        // Where there is no connection, the next one listens to what is wanted then.
        return this.connection === undefined ? Effect.void : listen(this.connection, listener.channel)
      }),
      () =>
        Effect.suspend(() => {
          this.listeners.delete(listener)
          return this.connection === undefined || this.channels.has(listener.channel)
            ? Effect.void
            : Effect.ignore(unlisten(this.connection, listener.channel))
        })
    )
  }

  private get channels(): ReadonlySet<string> {
    return new Set([...this.listeners].map(({ channel }) => channel))
  }

  private tell(channel: string, heard: Heard): void {
    for (const listener of this.listeners) if (listener.channel === channel) listener.hear(heard)
  }

  /** Connects, says so, and ends when the connection is lost: with why. */
  private readonly session = (connected: Effect.Effect<void>): Effect.Effect<unknown, Failure> =>
    Effect.gen(this, function*() {
      const connection = yield* this.connector.open
      yield* ensureHearing(this.connector, connection)
      const runtime = yield* Effect.runtime<never>()
      const lost = yield* Deferred.make<unknown>()
      this.connector.onLost?.(connection, (reason) => {
        Runtime.runFork(runtime)(Deferred.succeed(lost, reason))
      })
      connection.unsafeClient.on(
        "notification",
        ({ channel, payload = "", processId }) =>
          this.tell(channel, Heard.Notification({ channel, payload, processId }))
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => this.connection = undefined))
      // Who comes from now on listens for itself.
      this.connection = connection
      for (const channel of this.channels) yield* listen(connection, channel)
      yield* connected
      const checks = Effect.timeout(this.connector.check?.(connection) ?? Effect.void, checkTimeout).pipe(
        Effect.delay(checkEvery),
        Effect.forever,
        Effect.catchAll(Effect.succeed)
      )
      return yield* Effect.raceFirst(Deferred.await(lost), checks)
    }).pipe(Effect.scoped)

  /** Fails where the first connection cannot be had. From then on it never gives up. */
  readonly run: Effect.Effect<void, Failure, Scope.Scope> = Effect.gen(this, function*() {
    const first = yield* Deferred.make<void, Failure>()
    let since = 0
    let reason: unknown
    const connected = Effect.gen(this, function*() {
      const until = yield* Clock.currentTimeMillis
      if (since > 0) {
        for (const channel of this.channels) this.tell(channel, Heard.Gap({ channel, since, until, reason }))
      }
      yield* Deferred.succeed(first, undefined)
    })
    const once = Effect.flatMap(this.session(connected), (lost) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        since = now
        reason = lost
      }))
    // A server that hangs up at once is not asked at once.
    const again = Effect.delay(Effect.retry(once, { schedule: backOff }), "100 millis")
    yield* Effect.forkScoped(
      Effect.matchCauseEffect(once, {
        onFailure: (cause) => Deferred.failCause(first, cause),
        onSuccess: () => Effect.forever(again)
      })
    )
    yield* Deferred.await(first)
  })
}

// A channel is a name: it cannot be a parameter.
const listen = (connection: PgConnection, channel: string) =>
  Effect.asVoid(connection.query(`LISTEN ${pg.escapeIdentifier(channel)}`))

const unlisten = (connection: PgConnection, channel: string) =>
  Effect.asVoid(connection.query(`UNLISTEN ${pg.escapeIdentifier(channel)}`))

export interface Listening {
  /** All that is heard on a channel. Fails where the first connection cannot be had, and never afterwards. */
  readonly heard: (channel: string) => Stream.Stream<Heard, SqlError>
}

/** A connection of its own, besides the pool's, while anybody listens. */
export const makeListening = (
  connector: Connector<PgConnection, PgConnectError>
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.map(
    RcRef.make({
      acquire: Effect.suspend(() => {
        const hub = new Hub(connector)
        return Effect.as(hub.run, hub)
      })
    }),
    (hubs) => ({
      heard: (channel) =>
        Effect.gen(function*() {
          const queue = yield* Effect.acquireRelease(Queue.unbounded<Heard>(), Queue.shutdown)
          const hub = yield* RcRef.get(hubs)
          yield* hub.subscribe({ channel, hear: (heard) => queue.unsafeOffer(heard) })
          return Stream.fromQueue(queue)
        }).pipe(Effect.mapError(toSqlError), Stream.unwrapScoped)
    })
  )
