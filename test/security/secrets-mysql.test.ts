/** As secrets.test.ts, for a MysqlPool. */
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import { expect, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Mysql, suite } from "../support/mysql.js"
import type { Database } from "./bad-days.js"
import { at, badDays, expectLooked } from "./bad-days.js"
import { password, Search } from "./Search.js"

vi.setConfig({ testTimeout: 90_000 })

const user = `cenote_password_${process.pid}`

const database = Effect.gen(function*() {
  const { database, host, kill, port, query } = yield* Mysql
  yield* Effect.acquireRelease(
    query(`create user '${user}'@'%' identified by '${password.replaceAll("'", "''")}'`),
    () => Effect.orDie(query(`drop user '${user}'@'%'`))
  )
  yield* query(`grant all on ${database}.* to '${user}'@'%'`)
  const right = { host, port, database, user, password: Redacted.make(password) }
  return {
    connector: MysqlConnector.make(right),
    make: (tuning, place = {}) => MysqlPool.make({ ...tuning, connection: at(right, place) }),
    urlWith: (password) => `mysql://${user}:${password}@${host}:${port}/${database}`,
    sleep: (seconds) => `select sleep(${seconds})`,
    endSession: ({ threadId }) => kill(threadId)
  } satisfies Database<MysqlConnector.MysqlConnection>
})

suite("planted", "The password of a MysqlPool is not shown", (it) => {
  it.scoped("on its good and its bad days", () =>
    Effect.gen(function*() {
      const search = new Search()
      yield* Effect.provide(badDays(search, yield* database), Reactivity.layer)
      expect(search.found).toEqual([])
      expectLooked(search)
    }))
})
