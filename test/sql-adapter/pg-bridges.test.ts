import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Runner from "@effect/cluster/Runner"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardId from "@effect/cluster/ShardId"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as PgMigrator from "@effect/sql-pg/PgMigrator"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { bridges } from "./bridges/index.js"
import type { Subject } from "./bridges/subject.js"
import { optionsOf } from "./harness.js"

const applicationName = "bridges"

const ask = (sql: string) => Effect.flatMap(Postgres, (server) => server.query(sql, [applicationName]))

const subject: Subject<PgPool.PgPool, Postgres> = {
  dialect: "pg",
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(
        Postgres,
        (server) => PgPool.layer({ ...options, connection: { ...optionsOf(server), applicationName } })
      )
    ),
  stats: PgPool.PgPool.stats,
  slow: "select pg_sleep(10)",
  isRunningSlow: Effect.map(
    ask("select 1 from pg_stat_activity where application_name = $1 and state = 'active' and query like '%pg_sleep%'"),
    (rows) => rows.length > 0
  ),
  server: {
    killAll: ask("select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name = $1"),
    kill: (session) => Effect.flatMap(Postgres, (server) => server.terminateBackend(session)),
    lockHolders: Effect.map(
      ask(
        "select distinct pid from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and application_name = $1 order by pid"
      ),
      (rows) => rows.map((row) => (row as { pid: number }).pid)
    )
  }
}

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("On PgPool,", (it) => {
  bridges(it, subject)

  it.scoped("PgMigrator: runs migrations, and tells pg_dump where the database is", () =>
    Effect.gen(function*() {
      const { database, host, password, port, user } = yield* Postgres
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const said = ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"].map((name) => `$${name}`).join(" ")
      yield* fs.writeFileString(`${folder}/pg_dump`, `#!/bin/sh\necho "${said} $*"\n`, { mode: 0o755 })
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const path = process.env.PATH
          process.env.PATH = `${folder}:${path}`
          return path
        }),
        (path) => Effect.sync(() => process.env.PATH = path)
      )
      const migrations = { "1_first": Effect.void }
      const options = { loader: PgMigrator.fromRecord(migrations), schemaDirectory: folder, table: "pg_migrations" }
      expect(yield* PgMigrator.run(options)).toEqual([[1, "first"]])
      const dumped = yield* fs.readFileString(`${folder}/_schema.sql`)
      expect(dumped).toContain(`${host} ${port} ${user} ${Redacted.value(password)} ${database} --schema-only`)
      expect(yield* PgMigrator.run(options)).toEqual([])
    }).pipe(Effect.provide(subject.layer()), Effect.provide(NodeContext.layer)))

  it.scoped("SqlRunnerStorage: replaces a connection that does not answer any more, where statements are bounded", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const proxy = yield* Proxy.make(server)
      const config = { shardLockRefreshInterval: 500, shardLockExpiration: 1500 }
      const storage = SqlRunnerStorage.layer.pipe(
        Layer.provide(ShardingConfig.layer(config)),
        Layer.provideMerge(PgPool.layer({
          maxSize: 2,
          connection: {
            ...optionsOf(server),
            host: proxy.host,
            port: proxy.port,
            applicationName: "half-open",
            // @effect/cluster bounds its operations, but not how it gets another connection.
            statementTimeout: 500,
            cancelTimeout: 500
          }
        }))
      )
      yield* Effect.gen(function*() {
        const { acquire, refresh, register } = yield* RunnerStorage.RunnerStorage
        const address = RunnerAddress.make("localhost", 1)
        const shards = [ShardId.make("default", 1)]
        yield* register(Runner.make({ address, groups: ["default"], weight: 1 }), true)
        expect(yield* acquire(address, shards)).toEqual(shards)
        const [locked] = yield* server.query("select pid from pg_locks where locktype = 'advisory'")
        for (const connection of proxy.connections()) connection.setMode(Proxy.blackHole)
        expect((yield* Effect.exit(refresh(address, shards)))._tag).toBe("Failure")
        // Its session is still there, and has the locks until the server finds out.
        const again = Effect.retry(refresh(address, shards), { schedule: Schedule.spaced(20), times: 200 })
        expect(yield* again).toEqual([])
        yield* server.terminateBackend((locked as { pid: number }).pid)
        expect(yield* again).toEqual(shards)
        expect((yield* PgPool.PgPool.stats).leased).toBe(1)
      }).pipe(Effect.provide(storage))
    }))
})
