import { expect, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { until } from "./harness.js"

import { client, failureOf } from "./pgClientHarness.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A listener of PgPool", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => run)

  test(
    "S9: a listener hears what is notified, and listens again with a gap when its connection was lost",
    Effect.gen(function*() {
      const sql = yield* client()
      const server = yield* Postgres
      const channel = "odd \"name; drop table x"
      const heard: Array<unknown> = []
      const ready = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        Stream.runForEach(sql.heard(channel), (what) => {
          heard.push(what._tag === "Gap" ? "gap" : what.payload)
          return Deferred.succeed(ready, undefined)
        })
      )
      const hears = (what: string) => until(`it hears ${what}`, Effect.sync(() => heard.includes(what)))
      yield* Effect.repeat(sql.notify(channel, "one"), {
        until: () => Deferred.isDone(ready),
        schedule: Schedule.spaced(5)
      })
      const listeners = "select pid from pg_stat_activity where query like 'LISTEN%' and state = 'idle'"
      const [session] = yield* server.query(listeners)
      yield* server.terminateBackend(Number((session as { pid: number }).pid))
      yield* hears("gap")
      yield* sql.notify(channel, "two")
      yield* hears("two")
      // It takes no connection of the pool.
      expect((yield* sql.pool.stats).leased).toBe(0)
      expect(heard.indexOf("gap")).toBeLessThan(heard.indexOf("two"))
    })
  )

  test(
    "a listener that cannot connect fails with a typed error",
    Effect.gen(function*() {
      const sql = yield* client({ connection: { password: Redacted.make("wrong") } })
      const exit = yield* Effect.exit(Stream.runDrain(sql.listen("a")))
      expect(failureOf(exit)).toMatchObject({ _tag: "PgConnectError", reason: "Authentication" })
    })
  )

  test(
    "the session of a listener ends with the last of them",
    Effect.gen(function*() {
      const sql = yield* client({ connection: { applicationName: "listening" } })
      const server = yield* Postgres
      const sessions = Effect.map(
        server.query("select count(*)::int n from pg_stat_activity where application_name = 'listening'"),
        ([row]) => (row as { n: number }).n
      )
      const fibers = yield* Effect.forEach(
        ["a", "a", "b"],
        (channel) => Effect.fork(Stream.runDrain(sql.listen(channel)))
      )
      yield* until("there is one for all", Effect.map(sessions, (n) => n === 1))
      yield* Fiber.interruptAll(fibers)
      yield* until("there is none", Effect.map(sessions, (n) => n === 0))
    })
  )
})
