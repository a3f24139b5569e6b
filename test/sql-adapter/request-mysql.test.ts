import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Effect from "effect/Effect"
import { Mysql, suite } from "../support/mysql.js"
import { testOf } from "./conformance/subject.js"
import { optionsOf } from "./mysqlHarness.js"
import { behaviour } from "./request/behaviour.js"
import { bodies } from "./request/bodies.js"
import { choices } from "./request/choices.js"
import { outcomes } from "./request/outcomes.js"
import type { Subject } from "./request/subject.js"

const open =
  "SELECT COUNT(*) AS n FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = ?"

const subject: Subject<Mysql> = {
  make: (options) =>
    Effect.gen(function*() {
      const client = yield* MysqlPool.make({ ...options, connection: optionsOf(yield* Mysql) })
      return Object.assign(client, { pools: [client.pool] })
    }),
  slow: "select sleep(10)",
  isRunningSlow: () =>
    Effect.flatMap(
      Mysql,
      ({ processes }) =>
        Effect.map(processes, (all) =>
          all.some(({ command, info }) => command !== "Sleep" && info?.includes("sleep(10)")))
    ),
  open: Effect.flatMap(Mysql, ({ query, user }) => Effect.map(query(open, [user]), ([row]) => Number(row!.n))),
  deferred: undefined,
  series: (n) => `select seq as n from seq_1_to_${n}`,
  isPrivate: false
}

suite("request", "RequestTransaction on MySQL:", (it) => {
  behaviour(testOf(it), subject)
  choices(testOf(it), subject)
  outcomes(testOf(it), subject, "HttpRouter", "Node's server")
  bodies(testOf(it), subject, "HttpRouter", "Node's server")
  outcomes(testOf(it), subject, "HttpApi", "a web handler")
})
