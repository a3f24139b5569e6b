/** PgBouncer before a server, where it is installed. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as path from "node:path"
import pg from "pg"
import { asNobody, installed } from "./installed.js"
import type { PostgresError, Server } from "./postgres.js"
import { freePort } from "./postgres.js"
import { send } from "./processes.js"
import type { Target } from "./proxy.js"
import { temporaryFolder } from "./temporary.js"

export class PgBouncerError extends Data.TaggedError("PgBouncerError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** How long a client has a session of the server: for as long as it is connected, or for a transaction. */
export type Mode = "session" | "transaction"

export interface Options {
  /** Default: transaction. */
  readonly mode?: Mode
  /** Sessions of the server for the clients of a user, at most. Default: 5. */
  readonly poolSize?: number
  /** Where it finds the server. Default: where the server is. */
  readonly address?: Target
  /** More settings, as of pgbouncer.ini. */
  readonly settings?: Record<string, string>
}

/** What it has to know of a server. */
type Known = Pick<Server, "host" | "port" | "database" | "user" | "password">

export interface PgBouncer extends Target {
  readonly start: Effect.Effect<void, PgBouncerError>
  /** SIGKILL; waits until it is gone. */
  readonly kill: Effect.Effect<void>
  /** Stops it as it is, until `thaw`. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** A command of its console: `SHOW CLIENTS`. */
  readonly command: (text: string) => Effect.Effect<ReadonlyArray<Record<string, any>>, PgBouncerError>
}

const program = installed("pgbouncer")

/** Why there is none. */
export const notInstalled: string | undefined = program === undefined
  ? "PgBouncer is not installed: apt-get install pgbouncer"
  : undefined

/** Why it cannot be tested with. On CI it has to be there. */
export const missing: string | undefined = process.env.CI ? undefined : notInstalled

const host = "127.0.0.1"
const logLines = 200

const isListening = (port: number) =>
  Effect.async<boolean>((resume) => {
    const socket = net.connect(port, host)
    const answer = (is: boolean) => {
      socket.destroy()
      resume(Effect.succeed(is))
    }
    socket.once("connect", () => answer(true))
    socket.once("error", () => answer(false))
  })

const administrator = "cenote_console"

/**
 * It has the password of the server's own user, by which it asks the server for those of all others: who may log in there may log in here. It logs in
 * there as its clients have logged in here, which SCRAM allows without a password.
 */
const configuration = (server: Known, port: number, folder: string, options: Options): string => {
  const { database, user } = server
  const { address = server, mode = "transaction", poolSize = 5 } = options
  const settings: Record<string, string> = {
    listen_addr: host,
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: path.join(folder, "users"),
    auth_user: user,
    admin_users: administrator,
    pool_mode: mode,
    default_pool_size: String(poolSize),
    max_client_conn: "200",
    ...options.settings
  }
  return [
    "[databases]",
    `${database} = host=${address.host} port=${address.port} dbname=${database}`,
    "[pgbouncer]",
    ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    ""
  ].join("\n")
}

/** It is stopped with the Scope. */
export const before = (
  server: Known,
  options: Options = {}
): Effect.Effect<PgBouncer, PgBouncerError | PostgresError, Scope.Scope> =>
  Effect.gen(function*() {
    if (program === undefined) return yield* new PgBouncerError({ message: notInstalled! })
    const port = yield* freePort
    const folder = yield* temporaryFolder("pgbouncer")
    const password = randomBytes(16).toString("hex")
    const users = [[server.user, Redacted.value(server.password)], [administrator, password]]
    const files = {
      users: users.map((user) => `"${user.join("\" \"")}"\n`).join(""),
      "pgbouncer.ini": configuration(server, port, folder, options)
    }
    yield* Effect.promise(async () => {
      for (const [name, content] of Object.entries(files)) {
        await fs.writeFile(path.join(folder, name), content, { mode: 0o600 })
        if (asNobody.uid !== undefined) await fs.chown(path.join(folder, name), asNobody.uid, asNobody.gid!)
      }
      if (asNobody.uid !== undefined) await fs.chown(folder, asNobody.uid, asNobody.gid!)
    })

    const log: Array<string> = []
    const note = (text: unknown) => {
      log.push(String(text))
      if (log.length > logLines) log.shift()
    }
    let running: ChildProcess | undefined

    const kill = Effect.async<void>((resume) => {
      const child = running
      if (child === undefined) return resume(Effect.void)
      child.once("close", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
    const start = Effect.suspend(() => {
      if (running !== undefined) return Effect.void
      const child = spawn(program, [path.join(folder, "pgbouncer.ini")], {
        ...asNobody,
        stdio: ["ignore", "pipe", "pipe"]
      })
      running = child
      // A signal may end this process before its Scope.
      const end = () => child.kill("SIGKILL")
      process.once("exit", end)
      for (const stream of [child.stdout, child.stderr]) stream.on("data", note)
      child.on("error", note)
      child.on("close", (code, signal) => {
        note(`It has ended: ${signal ?? code}`)
        process.off("exit", end)
        running = undefined
      })
      return isListening(port).pipe(
        Effect.repeat({ until: (is) => is || running === undefined, schedule: Schedule.spaced(20) }),
        Effect.flatMap(() => running === undefined ? Effect.fail("it has ended") : Effect.void),
        Effect.timeout("10 seconds"),
        Effect.mapError(() => new PgBouncerError({ message: `PgBouncer does not listen. Its log:\n${log.join("")}` }))
      )
    })
    const signal = (name: NodeJS.Signals) => Effect.sync(() => running?.pid && send(running.pid, name))

    const command: PgBouncer["command"] = (text) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          const client = new pg.Client({ host, port, database: "pgbouncer", user: administrator, password })
          client.on("error", note)
          return client
        }),
        (client) =>
          Effect.tryPromise({
            try: async () => {
              await client.connect()
              return (await client.query(text)).rows
            },
            catch: (cause) => new PgBouncerError({ message: `The console's "${text}" failed: ${cause}`, cause })
          }),
        (client) => Effect.promise(() => client.end().catch(note))
      )

    yield* Effect.addFinalizer(() => kill)
    yield* start
    return {
      host,
      port,
      start,
      kill,
      freeze: Effect.asVoid(signal("SIGSTOP")),
      thaw: Effect.asVoid(signal("SIGCONT")),
      command
    }
  })
