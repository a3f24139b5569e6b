import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as path from "node:path"
import { bridges } from "./bridges/index.js"
import type { Subject } from "./bridges/subject.js"
import { Folder, folderLayer } from "./sqliteHarness.js"

const stats = Effect.zipWith(SqlitePool.Writer.stats, SqlitePool.Readers.stats, (writer, readers) => ({
  checking: writer.checking + readers.checking,
  closing: writer.closing + readers.closing,
  leased: writer.leased + readers.leased,
  opened: writer.opened + readers.opened,
  opening: writer.opening + readers.opening,
  resetting: writer.resetting + readers.resetting,
  waiting: writer.waiting + readers.waiting
}))

const subject: Subject<SqlitePool.Readers | SqlitePool.Writer, Folder> = {
  dialect: "sqlite",
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(Folder, (folder) =>
        SqlitePool.layer({ ...options, connection: { filename: path.join(folder, "bridges.db") } }))
    ),
  stats,
  slow: "with recursive t(n) as (select 1 union all select n + 1 from t where n < 10000000000) select max(n) from t",
  isRunningSlow: Effect.map(stats, ({ leased }) => leased > 0),
  server: undefined
}

layer(folderLayer, { excludeTestServices: true, timeout: 60_000 })("On SqlitePool,", (it) => bridges(it, subject))
