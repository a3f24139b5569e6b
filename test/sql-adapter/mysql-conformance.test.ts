import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
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

suite("conformance_prepared", "MysqlPool that prepares conforms:", (it) => conformance(it, subject(true)))
