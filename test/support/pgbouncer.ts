/** PgBouncer in transaction mode before a server, where it is installed. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import type { PostgresError, Server } from "./postgres.js"
import { freePort } from "./postgres.js"

export class PgBouncerError extends Data.TaggedError("PgBouncerError")<{ readonly message: string }> {}

/** Debian has it where only administrators look. */
const places = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"]

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const program = places.map((folder) => path.join(folder, "pgbouncer")).find(isProgram)

/** Why it cannot be tested with. On CI it has to be there. */
export const missing: string | undefined = program === undefined && !process.env.CI
  ? "PgBouncer is not installed"
  : undefined

const nobody = 65534

/** It refuses to be run by root. */
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const isListening = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    const answer = (is: boolean) => {
      socket.destroy()
      resume(Effect.succeed(is))
    }
    socket.once("connect", () => answer(true))
    socket.once("error", () => answer(false))
  })

const configuration = ({ database, host, port }: Server, own: number, folder: string): string =>
  `[databases]
${database} = host=${host} port=${port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = trust
auth_file = ${path.join(folder, "users")}
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
`

/** Where it listens. It is stopped with the Scope. */
export const before = (
  server: Server
): Effect.Effect<{ host: string; port: number }, PgBouncerError | PostgresError, Scope.Scope> =>
  Effect.gen(function*() {
    if (program === undefined) return yield* new PgBouncerError({ message: "PgBouncer is not installed" })
    const port = yield* freePort
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "cenote-pgbouncer-"))),
      (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
    )
    yield* Effect.promise(async () => {
      await fs.chmod(folder, 0o755)
      await fs.writeFile(path.join(folder, "users"), `"${server.user}" "${Redacted.value(server.password)}"\n`)
      await fs.writeFile(path.join(folder, "pgbouncer.ini"), configuration(server, port, folder))
    })
    let log = ""
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(program, [path.join(folder, "pgbouncer.ini")], {
          ...asNobody,
          stdio: ["ignore", "pipe", "pipe"]
        })
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => log += String(text))
        child.on("error", (error) => log += String(error))
        return child
      }),
      (child) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null || child.pid === undefined) return resume(Effect.void)
          child.once("close", () => resume(Effect.void))
          child.kill("SIGKILL")
        })
    )
    yield* isListening(port).pipe(
      Effect.repeat({ until: (is) => is, schedule: Schedule.spaced(20) }),
      Effect.timeoutFail({
        duration: "10 seconds",
        onTimeout: () => new PgBouncerError({ message: `PgBouncer does not listen. Its log:\n${log}` })
      })
    )
    return { host: "127.0.0.1", port }
  })
