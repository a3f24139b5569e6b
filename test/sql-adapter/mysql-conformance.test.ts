import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Mysql, suite } from "../support/mysql.js"
import { conformance } from "./conformance/index.js"
import type { Subject } from "./conformance/subject.js"
import { optionsOf } from "./mysqlHarness.js"

const processes = Effect.flatMap(Mysql, (server) => server.processes)

const subject = (prepare: boolean): Subject<Mysql> => ({
  make: (options) =>
    Effect.gen(function*() {
      const client = yield* MysqlPool.make({ ...options, prepare, connection: optionsOf(yield* Mysql) })
      return Object.assign(client, { pools: [client.pool] })
    }),
  slow: "select sleep(10)",
  isRunningSlow: () =>
    Effect.map(processes, (all) => all.some(({ command, info }) => command !== "Sleep" && info?.includes("sleep(10)"))),
  server: {
    sessions: Effect.map(processes, ({ length }) => length),
    kill: Effect.flatMap(
      processes,
      (all) => Effect.flatMap(Mysql, ({ kill }) => Effect.forEach(all, ({ id }) => kill(id), { discard: true }))
    )
  },
  others: "write",
  deferred: undefined,
  series: (n) => `select seq as n from seq_1_to_${n}`
})

suite("conformance", "MysqlPool conforms:", (it) => conformance(it, subject(false)))

suite("several", "MysqlPool", (it) => {
  it.scoped("takes several statements in a text that is not prepared, and gives the rows of each", () =>
    Effect.gen(function*() {
      const sql = yield* subject(true).make()
      const text =
        "create temporary table several (id int); insert into several values (1), (2); select id from several"
      expect(yield* sql.unsafe(text).unprepared).toEqual([[], [], [{ id: 1 }, { id: 2 }]])
      const alone = yield* MysqlPool.make({ connection: { ...optionsOf(yield* Mysql), multipleStatements: false } })
      expect(yield* Effect.flip(alone.unsafe("select 1; select 2").unprepared)).toMatchObject({
        cause: { errno: 1064 }
      })
    }).pipe(Effect.provide(Reactivity.layer)))
})

suite("conformance_prepared", "MysqlPool that prepares conforms:", (it) => conformance(it, subject(true)))
