import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as MysqlActivity from "@cenote/sql-adapter/MysqlActivity"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Mysql, suite } from "../support/mysql.js"
import { until } from "./harness.js"
import { optionsOf } from "./mysqlHarness.js"

suite("activity", "What the server sees", (it) => {
  it.scoped("is the user's sessions but its own, also while all of the pool's are busy", () =>
    Effect.gen(function*() {
      const options = optionsOf(yield* Mysql)
      const pool = yield* ConnectionPool.make({ connector: MysqlConnector.make(options), maxSize: 1 })
      const activity = yield* MysqlActivity.make(options)
      expect(yield* activity).toEqual([])
      const busy = yield* Effect.forkScoped(pool.use(({ query }) => query("select sleep(60) as slept")))
      yield* until("a query", Effect.map(activity, (sessions) => sessions.some(({ command }) => command === "Query")))
      const sessions = yield* activity
      expect(sessions).toHaveLength(1)
      expect(sessions[0]).toMatchObject({ command: "Query", statement: "select sleep(60) as slept" })
      expect(sessions[0]!.since).toBeGreaterThanOrEqual(0)
      expect(JSON.parse(JSON.stringify(sessions))).toEqual(sessions)
      yield* Fiber.interrupt(busy)
    }))
})
