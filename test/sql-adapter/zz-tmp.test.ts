import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Runner from "@effect/cluster/Runner"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardId from "@effect/cluster/ShardId"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { optionsOf } from "./harness.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("x", (it) => {
  it.scoped("hole", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const proxy = yield* Proxy.make(server)
      const t0 = Date.now()
      const log = (...s: any[]) =>
        Effect.sync(() =>
          console.error(
            Date.now() - t0,
            ...s.map((x) =>
              typeof x === "string"
                ? x
                : JSON.stringify(x, (k, v) => typeof v === "bigint" ? String(v) : v).slice(0, 400)
            )
          )
        )
      const storage = SqlRunnerStorage.layer.pipe(
        Layer.provide(ShardingConfig.layer({ shardLockRefreshInterval: 200, shardLockExpiration: 1000 })),
        Layer.provideMerge(
          PgClient.layer({
            host: proxy.host,
            port: proxy.port,
            username: server.user,
            password: server.password,
            database: server.database,
            maxConnections: 2
          })
        )
      )
      yield* Effect.gen(function*() {
        const pool: any = { stats: Effect.succeed({}), events: Stream.empty }
        yield* Effect.forkScoped(Stream.runForEach(pool.events, (e) => log("event", e)))
        const { acquire, refresh, register } = yield* RunnerStorage.RunnerStorage
        const address = RunnerAddress.make("localhost", 1)
        const shards = [ShardId.make("default", 1)]
        yield* register(Runner.make({ address, groups: ["default"], weight: 1 }), true)
        yield* log("acquired", yield* acquire(address, shards))
        for (const connection of proxy.connections()) connection.setMode(Proxy.blackHole)
        for (let i = 0; i < 20; i++) {
          yield* log("refresh", yield* Effect.exit(Effect.timeout(refresh(address, shards), 3000)))
          const s = yield* pool.stats
          yield* log("stats", {
            leased: s.leased,
            resetting: s.resetting,
            closing: s.closing,
            opening: s.opening,
            idle: s.idle,
            waiting: s.waiting,
            aborted: s.aborted
          })
          yield* Effect.sleep(100)
        }
      }).pipe(Effect.scoped, Effect.provide(storage), Effect.timeout(30000))
      yield* log("closed")
    }), 60000)
})
