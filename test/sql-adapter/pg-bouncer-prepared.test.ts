import type { Client } from "@cenote/sql-adapter/PgPool"
import { expect, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as PgBouncer from "../support/pgbouncer.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { describeUnless } from "../support/where.js"
import { value } from "./pg-bouncer/feature.js"
import { place } from "./pg-bouncer/place.js"

/** Runs it while somebody else has this session of the server. */
const without = <A, E>(session: unknown, other: Client, effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const held = yield* Deferred.make<unknown>()
    const done = yield* Deferred.make<void>()
    const holder = yield* Effect.fork(
      other.withTransaction(
        Effect.zipRight(
          Effect.flatMap(value(other, "select pg_backend_pid()"), (pid) => Deferred.succeed(held, pid)),
          Deferred.await(done)
        )
      )
    )
    expect(yield* Deferred.await(held)).toBe(session)
    const exit = yield* Effect.exit(effect)
    yield* Deferred.succeed(done, undefined)
    yield* Fiber.join(holder)
    return exit
  })

describeUnless(PgBouncer.missing, "PgBouncer", () => {
  layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("Statements that are prepared", (it) => {
    it.scoped("by others on the same session of the server are never run instead", () =>
      Effect.gen(function*() {
        const { another, client } = yield* place(yield* Postgres, "transaction")
        const to = yield* another({ poolSize: 2 })
        const connection = { preparedStatements: 10 }
        const one = yield* client({ to, connection })
        const two = yield* client({ to, connection })
        const other = yield* client({ to })
        const mine = one`select ${1}::integer as mine`
        const theirs = two`select ${2}::integer as theirs`

        yield* mine
        const first = yield* value(other, "select pg_backend_pid()")
        expect(Exit.isSuccess(yield* without(first, other, theirs))).toBe(true)
        // The session that it was prepared on is taken: it is asked for on the other one's.
        yield* other`select 1`
        const exit = yield* without(first, other, mine)
        expect(Exit.isSuccess(exit) ? exit.value : []).toEqual([])
      }))
  })
})
