import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Mysql, suite } from "../support/mysql.js"
import { bridges } from "./bridges/index.js"
import type { Subject } from "./bridges/subject.js"
import { until } from "./harness.js"
import { optionsOf } from "./mysqlHarness.js"

const processes = Effect.flatMap(Mysql, (server) => server.processes)

const kill = (session: number) => Effect.flatMap(Mysql, (server) => server.kill(session))

/** The locks that cluster may have: a server knows who has one, not which there are. */
const locks = Array.from(
  { length: 20 },
  (_, runners) => [1, 2, 3].map((shard) => `runners_${runners}.default:${shard}`)
)
  .flat()

const subject = (prepare: boolean): Subject<MysqlPool.MysqlPool, Mysql> => ({
  dialect: "mysql",
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(Mysql, (server) => MysqlPool.layer({ ...options, prepare, connection: optionsOf(server) }))
    ),
  stats: MysqlPool.MysqlPool.stats,
  slow: "select sleep(10)",
  isRunningSlow: Effect.map(
    processes,
    (all) => all.some(({ command, info }) => command !== "Sleep" && info?.includes("sleep(10)"))
  ),
  server: {
    killAll: Effect.flatMap(processes, Effect.forEach(({ id }) => kill(id))),
    kill: (session) =>
      Effect.zipRight(
        kill(session),
        until("it is gone", Effect.map(processes, (all) => all.every(({ id }) => id !== session)))
      ),
    lockHolders: Effect.flatMap(Mysql, ({ query }) =>
      Effect.map(
        query(`select ${locks.map((name, index) => `is_used_lock('${name}') as lock_${index}`).join(", ")}`),
        ([row]) => [...new Set(Object.values(row!).filter((holder) => holder !== null).map(Number))].sort()
      ))
  }
})

suite("bridges", "On MysqlPool,", (it) => bridges(it, subject(false)))

suite("bridges_prepared", "On MysqlPool that prepares,", (it) => bridges(it, subject(true)))
