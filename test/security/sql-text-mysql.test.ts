/** As sql-text.test.ts, on MariaDB. */
import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { optionsOf } from "../sql-adapter/mysqlHarness.js"
import { Mysql, suite } from "../support/mysql.js"

const noLevel = { isolation: "serializable; drop table precious; -- " as "serializable" }

suite("sqltext", "On MariaDB", (it) => {
  it.scoped("an isolation level is one of four, for a client and for a connection", () =>
    Effect.gen(function*() {
      const sql = yield* MysqlPool.make({ connection: optionsOf(yield* Mysql), maxSize: 1 })
      yield* sql`create table precious (id int)`
      const asked: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        sql.transaction(noLevel)(Effect.void),
        sql.pool.use((connection) => connection.withTransaction(Effect.void, noLevel))
      ]
      for (const transaction of asked) {
        const cause = yield* Effect.flip(Effect.sandbox(transaction))
        expect(Cause.isDie(cause)).toBe(true)
        expect(String(Cause.squash(cause))).toContain("isolation must be one of")
      }
      expect(yield* sql.transaction({ isolation: "serializable" })(sql`select count(*) as rows_ from precious`))
        .toEqual([{ rows_: 0 }])
      expect(yield* sql.pool.stats).toMatchObject({ opened: 1, leased: 0 })
    }).pipe(Effect.provide(Reactivity.layer)))
})
