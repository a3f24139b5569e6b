import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import { conformance } from "./conformance/index.js"
import type { Subject } from "./conformance/subject.js"
import { totals } from "./conformance/subject.js"
import { Folder, folderLayer } from "./sqliteHarness.js"

/** In memory: one connection for all. In a file: one that writes, and several that read. */
const subject = (where: "memory" | "file"): Subject<Folder> => ({
  make: (options) =>
    Effect.gen(function*() {
      const filename = where === "memory" ? ":memory:" : path.join(yield* Folder, "conformance.db")
      const client = yield* SqlitePool.make({ ...options, connection: { filename } })
      return Object.assign(client, { pools: [...new Set([client.writer, client.readers])] })
    }),
  slow: "with recursive t(n) as (select 1 union all select n + 1 from t where n < 10000000000) select max(n) from t",
  deferred: "create table $ (id int primary key, other int references $ deferrable initially deferred)",
  series: (n) => `with recursive t(n) as (select 1 union all select n + 1 from t where n < ${n}) select n from t`,
  // It runs in this process, for as long as somebody has its connection.
  isRunningSlow: (client) => Effect.map(totals(client), ({ busy }) => busy > 0),
  server: undefined,
  others: where === "memory" ? "see nothing" : "read"
})

layer(folderLayer, { excludeTestServices: true, timeout: 60_000 })(
  "SqlitePool in a file conforms:",
  (it) => conformance(it, subject("file"))
)

layer(folderLayer, { excludeTestServices: true, timeout: 60_000 })(
  "SqlitePool in memory conforms:",
  (it) => conformance(it, subject("memory"))
)
