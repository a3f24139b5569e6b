/**
 * A program with a pool of which four connections are leased and one is idle, that ends in the way its argument names. Where the server
 * is comes from the PG* variables. What its finalizers do is written at once, as a process that ends may not come to it later.
 *
 * - `main`: NodeRuntime.runMain. SIGUSR1 throws, SIGUSR2 rejects: outside of any fiber.
 * - `fail`: the same, and its Effect dies on SIGUSR2.
 * - `stuck`: the same, and a fiber that cannot be interrupted holds a lease.
 * - `bare`: Effect.runFork, and nothing that hears of a signal.
 * - `exit`: the same, with a handler of SIGTERM that calls process.exit.
 */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"

const [mode = "main", applicationName = "cenote", options, shutdownTimeout = "20 seconds"] = process.argv.slice(2)

const write = (text: string) => fs.writeSync(1, `${text}\n`)
const note = (text: string) => Effect.sync(() => write(text))

/** When the end of the pool began. */
let closing = 0

const noteClosing = Layer.scopedDiscard(Effect.addFinalizer(() =>
  Effect.sync(() => {
    closing = performance.now()
  })
))

const noteClosed = Layer.scopedDiscard(
  Effect.addFinalizer(() => Effect.suspend(() => note(`closed in ${Math.round(performance.now() - closing)} ms`)))
)

// Finalizers run in reverse: the pool closes between the two.
const Live = Layer.provideMerge(
  noteClosing,
  Layer.provideMerge(
    PgPool.layer({
      connection: { applicationName, ...(options === undefined || options === "" ? {} : { options }) },
      minSize: 5,
      shutdownTimeout: shutdownTimeout as "20 seconds"
    }),
    noteClosed
  )
)

const insert = (what: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into journal values (${applicationName}, ${what})`)

const work = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const stopping = yield* Deferred.make<void>()
  const dying = yield* Deferred.make<void>()
  if (mode === "fail") process.once("SIGUSR2", () => Deferred.unsafeDone(dying, Effect.void))

  // In the middle of a statement, of a client's transaction.
  const running = sql.withTransaction(Effect.zipRight(insert("running"), sql`select pg_sleep(600)`))
  // Between two statements, of a connection's transaction.
  const thinking = PgPool.PgPool.use((connection) =>
    connection.withTransaction(Effect.zipRight(
      connection.query("insert into journal values ($1, 'thinking')", [applicationName]),
      Effect.never
    ))
  )
  // Begun, and to be done to the end: whoever stops the program waits for it.
  const finishing = Effect.uninterruptible(sql.withTransaction(
    Effect.all([insert("finishing"), Deferred.await(stopping), sql`select pg_sleep(0.2)`])
  ))
  const resting = PgPool.PgPool.use(() => Effect.never)

  const leases = Effect.all(
    { running, thinking, finishing, resting },
    { concurrency: "unbounded" }
  )
  if (mode === "stuck") {
    yield* Effect.forkDaemon(Effect.uninterruptible(
      PgPool.PgPool.use((connection) => connection.query("select pg_sleep(601)"))
    ))
  }
  yield* Effect.raceFirst(
    Effect.onExit(leases, () => note("released")),
    Effect.ensuring(
      Effect.zipRight(Deferred.await(dying), Effect.dieMessage("the program has a fault")),
      Deferred.succeed(stopping, undefined)
    )
  )
})

const program = Effect.provide(work, Live)

process.once("SIGUSR1", () => {
  throw new Error("nobody catches it")
})
if (mode !== "fail") process.once("SIGUSR2", () => void Promise.reject(new Error("nobody handles it")))

switch (mode) {
  case "bare":
    Effect.runFork(program)
    break
  case "exit":
    Effect.runFork(program)
    process.once("SIGTERM", () => process.exit(3))
    break
  default:
    NodeRuntime.runMain(program)
}
