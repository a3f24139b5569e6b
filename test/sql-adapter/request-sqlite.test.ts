import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import { testOf, totals } from "./conformance/subject.js"
import { behaviour } from "./request/behaviour.js"
import { bodies } from "./request/bodies.js"
import { choices } from "./request/choices.js"
import { outcomes } from "./request/outcomes.js"
import type { Subject } from "./request/subject.js"
import { Folder, folderLayer } from "./sqliteHarness.js"

/** In memory: one connection for all. In a file: one that writes, and several that read. */
const subject = (where: "memory" | "file"): Subject<Folder> => ({
  make: (options) =>
    Effect.gen(function*() {
      const filename = where === "memory" ? ":memory:" : path.join(yield* Folder, "request.db")
      const client = yield* SqlitePool.make({ ...options, connection: { filename } })
      return Object.assign(client, { pools: [...new Set([client.writer, client.readers])] })
    }),
  slow: "with recursive t(n) as (select 1 union all select n + 1 from t where n < 10000000000) select max(n) from t",
  // It runs in this process, for as long as somebody has its connection.
  isRunningSlow: (client) => Effect.map(totals(client), ({ busy }) => busy > 0),
  open: undefined,
  deferred: "create table $ (id int primary key, other int references $ deferrable initially deferred)",
  series: (n) => `with recursive t(n) as (select 1 union all select n + 1 from t where n < ${n}) select n from t`,
  isPrivate: where === "memory"
})

layer(folderLayer, { excludeTestServices: true, timeout: 60_000 })("RequestTransaction on SQLite, in a file:", (it) => {
  behaviour(testOf(it), subject("file"))
  choices(testOf(it), subject("file"))
  bodies(testOf(it), subject("file"), "HttpRouter", "Node's server")
  outcomes(testOf(it), subject("file"), "HttpRouter", "Node's server")
  bodies(testOf(it), subject("file"), "HttpApi", "a web handler")
  outcomes(testOf(it), subject("file"), "HttpApi", "a web handler")
})

layer(folderLayer, { excludeTestServices: true, timeout: 60_000 })("RequestTransaction on SQLite, in memory:", (it) => {
  behaviour(testOf(it), subject("memory"))
  choices(testOf(it), subject("memory"))
  bodies(testOf(it), subject("memory"), "HttpLayerRouter", "a web handler")
  outcomes(testOf(it), subject("memory"), "HttpLayerRouter", "a web handler")
})
