/** Lets pools meet hostile servers, and asks each of them afterwards whether it has lost anything. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Connector } from "@cenote/core/Connector"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "fast-check"
import { until } from "../sql-adapter/harness.js"
import { uncaught } from "../support/uncaught.js"
import * as Hostile from "./hostile.js"

/** They wait for each other's timeouts, mostly. */
const atOnce = 12

export interface Subject<A, E> {
  readonly server: { readonly host: string; readonly port: number }
  readonly connector: (at: { readonly host: string; readonly port: number }) => Connector<A, E, never>
  /** All that comes back. */
  readonly questions: ReadonlyArray<(connection: A) => Effect.Effect<unknown, unknown>>
  /** Its answer is 42. */
  readonly honest: (connection: A) => Effect.Effect<unknown, unknown>
  /** About as many bytes as login and questions have. */
  readonly within: number
}

/** Callers get an answer or a typed error, and the pool serves when the server is honest again. Whether the bytes were changed. */
const meet = <A, E>({ connector, honest, questions, server }: Subject<A, E>, hostility: Hostile.Hostility) =>
  Effect.gen(function*() {
    const hostile = yield* Hostile.before(server)
    hostile.be(hostility)
    const pool = yield* ConnectionPool.make({
      connector: connector(hostile),
      maxSize: 1,
      connectTimeout: "2 seconds",
      closeTimeout: "500 millis",
      resetTimeout: "500 millis"
    })
    for (const question of questions) {
      const exit = yield* Effect.exit(pool.use(question))
      if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) return yield* Effect.failCause(exit.cause)
    }
    hostile.be(undefined)
    yield* pool.clear()
    expect(yield* pool.use(honest)).toBe(42)
    yield* until(
      "all is at rest",
      Effect.map(
        pool.stats,
        ({ closing, idle, leased, resetting }) =>
          idle === 1 && leased + resetting + closing === 0 && hostile.sockets() === 1
      )
    )
    return hostile.changes() > 0
  }).pipe(
    Effect.scoped,
    Effect.catchAllCause((cause) =>
      Effect.dieMessage(`${JSON.stringify(hostility)} was too much: ${Cause.pretty(cause)}`)
    )
  )

export const endures = <A, E>(subject: Subject<A, E>, times: number) =>
  Effect.gen(function*() {
    const errors = yield* uncaught
    const met = yield* Effect.forEach(
      fc.sample(Hostile.hostility(subject.within), times),
      (hostility) => meet(subject, hostility),
      { concurrency: atOnce }
    )
    expect(errors).toEqual([])
    expect(met.filter((isChanged) => isChanged).length).toBeGreaterThan(times / 2)
  })
