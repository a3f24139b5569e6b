/** What must be so when all is over. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { teller } from "./bank.js"
import type { Database, Server, ServerError } from "./databases/database.js"
import type { World } from "./faults/fault.js"

/** Milliseconds that each of them may take. */
const patience = 10_000

/** Asks until there is nothing to say, and gives what was said last. */
const eventually = <E, R>(ask: Effect.Effect<ReadonlyArray<string>, E, R>) =>
  Effect.gen(function*() {
    let last: ReadonlyArray<string> = []
    yield* ask.pipe(
      Effect.tap((problems) => Effect.sync(() => last = problems)),
      Effect.repeat({ until: (problems) => problems.length === 0, schedule: Schedule.spaced("50 millis") }),
      Effect.timeoutOption(patience)
    )
    return last
  })

/** Nobody holds or waits, nothing is under way, and whoever asks is served. */
export const atRest = (pool: ConnectionPool<any, any>): Effect.Effect<ReadonlyArray<string>> =>
  eventually(Effect.gen(function*() {
    const stats = yield* pool.stats
    const health = yield* pool.health
    const states = ["leased", "waiting", "opening", "checking", "resetting", "closing"] as const
    return [
      ...states.filter((state) => stats[state] > 0).map((state) =>
        `The pool is not at rest: ${stats[state]} ${state}.`
      ),
      ...health._tag === "Down" ? [`The pool is down: ${health.reasons.map(({ _tag }) => _tag).join(", ")}.`] : []
    ]
  }))

/** Nothing is under way on the server: what is not committed now will never be. */
export const isSettled = ({ busy }: Database, server: Server): Effect.Effect<ReadonlyArray<string>, ServerError> =>
  eventually(Effect.map(
    busy(server),
    (left) => left.length > 0 ? [`${left.length} sessions are in a transaction when nobody asks.`] : []
  ))

/** PgBouncer keeps its own sessions of the server. */
const connections = ({ database, front, server }: World): Effect.Effect<ReadonlyArray<unknown>, ServerError> =>
  front._tag === "PgBouncer"
    ? Effect.map(front.bouncer.command("SHOW CLIENTS"), (clients) => clients.filter(({ user }) => user === teller))
    : database.sessions(server)

/** The pool is closed, and has no session left. */
export const isGone = (world: World): Effect.Effect<ReadonlyArray<string>, ServerError> =>
  eventually(Effect.map(
    connections(world),
    (left) => left.length > 0 ? [`${left.length} sessions are left when the pool is closed.`] : []
  ))

/** Runs it to its end, or says that it has none. */
export const ends = (what: string, effect: Effect.Effect<void>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.timeoutOption(Effect.interruptible(effect), patience),
    (done) => done._tag === "None" ? [`${what} has not ended in ${patience / 1000} s.`] : []
  )
