/**
 * A MariaDB server of one's own, where MariaDB is installed: a free port, a temporary folder, and nothing left behind when its Scope closes.
 *
 * What it has committed outlives its process, not the machine.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import mysql from "mysql2/promise"
import type { ChildProcess } from "node:child_process"
import { execFile, spawn } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { promisify } from "node:util"
import { asNobody, installed } from "./installed.js"
import { freePort } from "./postgres.js"
import { isStopped, send } from "./processes.js"
import type { OwnServer } from "./server.js"
import { temporaryFolder } from "./temporary.js"

/** There is no MariaDB on this machine, or not all of it. */
export class MariadbMissing extends Data.TaggedError("MariadbMissing")<{
  readonly program: string
  readonly message: string
}> {}

/** The server cannot be run, or a statement of an administrator failed. */
export class MariadbError extends Data.TaggedError("MariadbError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface Options {
  /** Default: 100. */
  readonly maxConnections?: number
  /** More settings, as of my.cnf. */
  readonly settings?: Record<string, string>
  /** Has the data, users and passwords of this server, of the moment at which it is made. */
  readonly copyOf?: Server
}

export interface Server extends OwnServer<MariadbError> {
  readonly thaw: Effect.Effect<void>
  /** One more than `maxConnections` may be there, if it is an administrator's. */
  readonly query: OwnServer<MariadbError>["query"]
  /** Ends this session, and waits until it is gone. */
  readonly terminate: (threadId: number) => Effect.Effect<void, MariadbError>
}

const host = "127.0.0.1"
const user = "administrator"
const password = "mariadb"
/** Of an administrator, and of whoever is given rights in it. */
export const database = "bank"
const logLines = 200

/** mysql2's have the text of the statement, with the values of its parameters in it. */
const withoutText = (error: unknown): unknown => {
  if (error instanceof Error && "sql" in error) delete error.sql
  return error
}

const attempt = <A>(what: string, f: () => PromiseLike<A>): Effect.Effect<A, MariadbError> =>
  Effect.tryPromise({
    try: f,
    catch: (cause) =>
      new MariadbError({
        message: cause instanceof Error ? `${what}: ${cause.message}` : what,
        cause: withoutText(cause)
      })
  })

const program = (name: string): Effect.Effect<string, MariadbMissing> =>
  Effect.suspend(() => {
    const found = installed(name)
    return found === undefined
      ? Effect.fail(new MariadbMissing({ program: name, message: `MariaDB is not installed: there is no ${name}` }))
      : Effect.succeed(found)
  })

const programs = Effect.all({ server: program("mariadbd"), initialise: program("mariadb-install-db") })

/** Why there is nothing to test with. On CI it has to be there. */
export const missing: string | undefined = process.env.CI
  ? undefined
  : Effect.runSync(Effect.match(programs, { onSuccess: () => undefined, onFailure: ({ message }) => message }))

const ownFolder = Effect.tap(temporaryFolder("mariadb"), (folder) =>
  asNobody.uid === undefined
    ? Effect.void
    : attempt("The folder cannot be given away", () => fs.chown(folder, asNobody.uid!, asNobody.gid!)))

const dataOf = (folder: string): string => path.join(folder, "data")

const run = promisify(execFile)

/** Initialises and starts a server. It is killed and its files are deleted with the Scope. */
export const make = (
  options: Options = {}
): Effect.Effect<Server, MariadbMissing | MariadbError, Scope.Scope> =>
  Effect.gen(function*() {
    const { initialise, server } = yield* programs
    const port = yield* Effect.mapError(freePort, ({ cause, message }) => new MariadbError({ message, cause }))
    const folder = yield* ownFolder
    const data = dataOf(folder)
    const socketPath = path.join(folder, "socket")
    const settings: Record<string, string> = {
      datadir: data,
      tmpdir: folder,
      socket: socketPath,
      pid_file: path.join(folder, "pid"),
      bind_address: host,
      port: String(port),
      skip_name_resolve: "ON",
      max_connections: String(options.maxConnections ?? 100),
      // To the operating system at each COMMIT, to the disk at some time.
      innodb_flush_log_at_trx_commit: "2",
      innodb_buffer_pool_size: "64M",
      innodb_log_file_size: "32M",
      // So that nothing is written while it is frozen.
      innodb_use_native_aio: "OFF",
      server_id: String(port),
      ...options.settings
    }
    const log: Array<string> = []
    let child: ChildProcess | undefined
    const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null

    const gone = (what: string, seconds: number) =>
      Effect.sync(isRunning).pipe(
        Effect.repeat({ until: (isThere) => !isThere, schedule: Schedule.spaced("10 millis") }),
        Effect.timeoutFail({
          duration: seconds * 1000,
          onTimeout: () => new MariadbError({ message: `MariaDB is still there ${seconds} seconds after ${what}` })
        }),
        Effect.asVoid
      )

    const signal = (name: NodeJS.Signals) =>
      Effect.sync(() => {
        if (isRunning()) send(child!.pid!, name)
      })

    /** Before the folder is deleted. */
    const atExit = () => {
      if (isRunning()) send(child!.pid!, "SIGKILL")
    }

    const failed = () => new MariadbError({ message: `MariaDB cannot start. Its log:\n${log.join("").trim()}` })

    const stopped = Effect.sync(() => !isRunning() || isStopped(child!.pid!)).pipe(
      Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("2 millis") }),
      Effect.timeoutFail({
        duration: "10 seconds",
        onTimeout: () => new MariadbError({ message: "MariaDB goes on 10 seconds after SIGSTOP" })
      }),
      Effect.asVoid
    )

    const started = Effect.async<void, MariadbError>((resume) => {
      const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
      // No file of the machine's own settings is read.
      const next = spawn(server, ["--no-defaults", ...flags], { ...asNobody, stdio: ["ignore", "ignore", "pipe"] })
      child = next
      next.stderr.on("data", (text) => {
        log.push(String(text))
        if (log.length > logLines) log.shift()
        if (String(text).includes("ready for connections")) resume(Effect.void)
      })
      next.once("error", (cause) => resume(Effect.fail(new MariadbError({ message: "MariaDB cannot start", cause }))))
      next.once("exit", () => resume(Effect.fail(failed())))
    })

    const start = Effect.suspend(() =>
      isRunning() ? Effect.void : Effect.timeoutFail(started, { duration: "60 seconds", onTimeout: failed })
    )

    const kill = Effect.zipRight(signal("SIGKILL"), gone("SIGKILL", 10))

    const stop = Effect.zipRight(signal("SIGTERM"), gone("SIGTERM", 30))

    const ask = (sql: string, params: ReadonlyArray<unknown> | undefined, as: mysql.ConnectionOptions) =>
      Effect.acquireUseRelease(
        attempt("An administrator cannot connect", async () => {
          const connection = await mysql.createConnection({ connectTimeout: 5_000, ...as })
          connection.on("error", () => {})
          return connection
        }),
        (connection) =>
          attempt(`The administrator's "${sql}" failed`, async () => {
            const [rows] = await connection.query(sql, params === undefined ? [] : [...params])
            return Array.isArray(rows) ? rows as ReadonlyArray<Record<string, any>> : []
          }),
        (connection) => Effect.promise(() => connection.end().catch(() => connection.destroy()))
      )

    const query: Server["query"] = (sql, params) => ask(sql, params, { host, port, database, user, password })

    const original = options.copyOf
    yield* original === undefined
      ? attempt("MariaDB's files cannot be initialised", () =>
        run(initialise, [
          "--no-defaults",
          `--datadir=${data}`,
          "--auth-root-authentication-method=normal",
          "--skip-test-db",
          "--skip-name-resolve"
        ], asNobody))
      // As a crash leaves them: they are recovered.
      : Effect.acquireUseRelease(
        original.freeze,
        () => attempt("MariaDB's files cannot be copied", () => run("cp", ["-a", dataOf(original.folder), data])),
        () => original.thaw
      )
    yield* Effect.acquireRelease(
      Effect.sync(() => process.prependOnceListener("exit", atExit)),
      () => Effect.zipRight(Effect.orDie(kill), Effect.sync(() => process.off("exit", atExit)))
    )
    yield* start
    // Who has no password comes in by the socket only, which is in a folder that nobody else can open.
    const asRoot = { socketPath, user: "root" }
    const statements = original !== undefined
      ? []
      : [
        `CREATE DATABASE ${database}`,
        `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`,
        `GRANT ALL ON *.* TO ${user}@'%' WITH GRANT OPTION`,
        "DELETE FROM mysql.global_priv WHERE user IN ('', 'root') AND host <> 'localhost'",
        "FLUSH PRIVILEGES"
      ]
    for (const sql of statements) {
      yield* ask(sql, undefined, asRoot)
    }

    return {
      host,
      port,
      database,
      user,
      password: Redacted.make(password),
      url: Redacted.make(`mysql://${user}:${password}@${host}:${port}/${database}`),
      folder,
      start,
      stop,
      restart: Effect.zipRight(stop, start),
      freeze: Effect.zipRight(signal("SIGSTOP"), stopped),
      thaw: signal("SIGCONT"),
      kill,
      query,
      terminate: (threadId) =>
        Effect.ignore(query(`KILL CONNECTION ${threadId}`)).pipe(
          Effect.zipRight(
            Effect.repeat(query("SELECT 1 FROM information_schema.processlist WHERE id = ?", [threadId]), {
              until: ({ length }) => length === 0,
              schedule: Schedule.spaced("10 millis")
            })
          ),
          Effect.asVoid
        )
    }
  })
