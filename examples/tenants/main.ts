/**
 * A notebook for each of 200 tenants, each in an SQLite file of its own, over 20 connections in all.
 *
 * Most tenants ask seldom, one asks all the time, and one's file cannot be opened. The seldom ones are served, and only the one without a file fails.
 *
 * ```
 * pnpm example:tenants
 * ```
 */
import * as KeyedPool from "@cenote/core/KeyedPool"
import type { AcquireError, InvalidKey } from "@cenote/core/PoolError"
import type { SqliteConnectError, SqliteConnection, SqliteQueryError } from "@cenote/sql-adapter/SqliteConnector"
import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { runMain } from "../bank/run.js"
import { claim, until } from "../operations/check.js"

const TENANTS = 200
const CONNECTIONS = 20

/** The tenant that asks all the time, and the one that has no file. */
const HOT = "tenant-0"
const LOST = "tenant-lost"

class Notebooks extends KeyedPool.Tag("example/Notebooks")<Notebooks, string, SqliteConnection, SqliteConnectError>() {}

type NotesError = AcquireError | InvalidKey | SqliteConnectError | SqliteQueryError

/** What the application asks for: it knows nothing of connections. */
class Notes extends Context.Tag("example/Notes")<Notes, {
  readonly add: (tenant: string, text: string) => Effect.Effect<void, NotesError>
  readonly count: (tenant: string) => Effect.Effect<number, NotesError>
}>() {
  static readonly layer = Layer.effect(
    this,
    Effect.map(Notebooks, (pool) =>
      Notes.of({
        add: (tenant, text) =>
          Effect.asVoid(pool.use(tenant, (connection) => connection.query("insert into note values (?)", [text]))),
        count: (tenant) =>
          Effect.map(
            pool.use(tenant, (connection) => connection.query<{ count: number }>("select count(*) as count from note")),
            ({ rows }) => Number(rows[0]?.count)
          )
      }))
  )
}

/** A file for each tenant. The one that is lost is in a folder that does not exist. */
const NotebooksLive = Layer.unwrapScoped(Effect.gen(function*() {
  const path = yield* Path.Path
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  return Notebooks.layer({
    name: "notebooks",
    describe: (tenant) => tenant,
    maxPerKey: 3,
    maxTotal: CONNECTIONS,
    connector: (tenant: string) =>
      SqliteConnector.make({
        filename: path.join(folder, tenant === LOST ? "missing/lost.db" : `${tenant}.db`),
        setup: ["create table if not exists note (text text not null)"]
      })
  })
}))

const program = Effect.gen(function*() {
  const notes = yield* Notes
  const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant-${index}`)

  // A permit is spent from when a connection begins to open until it is closed.
  let spent = 0
  let most = 0
  const watch = (pool: Context.Tag.Service<typeof Notebooks>) =>
    Stream.runForEach(pool.events, (event) =>
      Effect.sync(() => {
        if (event._tag !== "KeyEvent") return
        if (event.event._tag === "ConnectionOpening") spent++
        if (event.event._tag === "ConnectionClosed") spent--
        most = Math.max(most, spent)
      }))
  const pool = yield* Notebooks
  yield* Effect.fork(watch(pool))
  yield* Effect.yieldNow()

  const hot = yield* Effect.fork(Effect.forEach(
    Array.from({ length: 2_000 }, (_, index) => index),
    (index) => notes.add(HOT, `note ${index}`),
    { concurrency: 50, discard: true }
  ))
  const lost = yield* Effect.fork(Effect.flip(notes.add(LOST, "a note")))
  yield* Effect.forEach(tenants, (tenant) => notes.add(tenant, "a note"), { concurrency: 30, discard: true })
  yield* Fiber.join(hot)

  const error = yield* Fiber.join(lost)
  yield* claim(`the one whose file cannot be opened is told so: ${error._tag}`, error._tag === "SqliteConnectError")
  const counts = yield* Effect.forEach(tenants, notes.count, { concurrency: 30 })
  yield* claim(
    "nobody's notes are in another's notebook",
    counts.every((count, index) => count === (index === 0 ? 2_001 : 1))
  )

  const { closed, keys, opened, timedOut } = yield* pool.stats
  yield* Console.log(`  ${keys} tenants, ${opened} connections opened and ${closed} closed`)
  yield* claim("nobody has timed out", timedOut === 0)
  yield* claim(`there were ${most} connections at one time, of ${CONNECTIONS}`, most > 0 && most <= CONNECTIONS)
  yield* pool.forget(HOT)
  yield* until("a tenant that leaves is forgotten", Effect.map(pool.keys, (keys) => !keys.includes(HOT)))
})

const main = program.pipe(
  Effect.provide(Notes.layer),
  Effect.provide(NotebooksLive),
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

runMain(main)
