import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type * as Pool from "@cenote/core/ConnectionPool"
import type { InvalidOptions } from "@cenote/core/PoolError"
import type * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { PgConnection } from "../../PgConnection.js"
import * as PgConnector from "../../PgConnector.js"
import { PgConnectError } from "../../PgError.js"
import type { PgConnectorConfig } from "../../PgOptions.js"
import * as Clients from "../client/client.js"
import { onePool, sharedPool } from "../client/dialect.js"
import { connectionIn } from "../client/Handle.js"
import { attributesOf, notHad, poolOf, provided, transformRowsOf } from "../client/options.js"
import { TurnsOf } from "../client/Turns.js"
import { awaitingKills } from "../wire/kills.js"
import { discreet } from "../wire/tls.js"
import { dialect } from "./dialect.js"
import type { Place } from "./failure.js"
import { makeListening } from "./listen.js"
import type { Client, Options } from "./models.js"
import { isPlain } from "./plain.js"
import type { Session } from "./session.js"
import { resolve } from "./settings.js"

/** A json value, as the compiler of @effect/sql-pg knows it. */
const json = Statement.custom<Statement.Custom<"PgJson", unknown, void, void>>("PgJson")

/** One kind of error for all that opening a connection can fail with. */
const unavailable = (cause: unknown): PgConnectError =>
  cause instanceof PgConnectError ? cause : new PgConnectError({
    reason: "Configuration",
    message: notHad(cause),
    host: "",
    port: 0,
    database: "",
    user: "",
    cause
  })

/** Where it goes. What an Effect gives is not known before there is a connection. */
const placeOf = (
  connection: PgConnectorConfig | Effect.Effect<PgConnectorConfig, unknown, unknown>
): Effect.Effect<Partial<Place>> =>
  Effect.isEffect(connection)
    ? Effect.succeed({})
    : Effect.map(
      Effect.either(resolve(connection)),
      (settings) => settings._tag === "Right" ? settings.right.place : {}
    )

/** How many statements one connection has at a time, where they are pipelined. More gain nothing, and wait for each other. */
const pipelined = 100

const pipelining = (config: PgConnectorConfig): PgConnectorConfig => ({ ...config, pipeline: true })

/** A secret that was not given as one is refused by each opening, and shown by nobody. */
const secret = (value: Redacted.Redacted | undefined): Redacted.Redacted | undefined =>
  Redacted.isRedacted(value) ? value : undefined

/** What a PgClient says of itself. */
const toConfig = <E, R>(
  { connection, ...options }: Options<E, R>,
  { database, host, port, user }: Partial<Place>
): PgClient.PgClientConfig => ({
  ...(Effect.isEffect(connection)
    ? {}
    : {
      url: secret(connection.url),
      password: secret(connection.password),
      ssl: connection.ssl === undefined ? undefined : discreet(connection.ssl),
      applicationName: connection.applicationName,
      types: connection.types
    }),
  host,
  port,
  database,
  username: user,
  maxConnections: options.maxSize,
  minConnections: options.minSize,
  spanAttributes: options.spanAttributes,
  transformResultNames: options.transformResultNames,
  transformQueryNames: options.transformQueryNames,
  transformJson: options.transformJson
})

export const make = <E, R>(
  options: Options<E, R>
): Effect.Effect<
  Client,
  InvalidOptions | Pool.StartupError<Pool.Startup, PgConnectError>,
  R | Scope.Scope | Reactivity.Reactivity
> =>
  Effect.gen(function*() {
    const {
      connection: _,
      pipeline = false,
      spanAttributes,
      traceComments,
      transformJson,
      transformQueryNames,
      transformResultNames,
      ...tuning
    } = options
    const connection = yield* provided(options.connection, unavailable)
    const configure: (config: PgConnectorConfig) => PgConnectorConfig = pipeline ? pipelining : identity
    const connector = yield* awaitingKills(
      Effect.isEffect(connection)
        ? PgConnector.make(Effect.map(connection, configure))
        : PgConnector.make(configure(connection)),
      // Every connection of these pools was opened by PgConnector.
      (connection) => (connection as Session).wire
    )
    const turns = new TurnsOf<PgConnection>()
    const { concurrency = pipeline ? pipelined : 1 } = tuning
    const pool = yield* poolOf(connector, turns, { ...tuning, concurrency })
    const place = yield* placeOf(connection)
    const listening = yield* makeListening(connector)
    const client = yield* Clients.make({
      dialect: dialect(PgClient.makeCompiler(transformQueryNames, transformJson)),
      pools: concurrency > 1 ? sharedPool(pool, isPlain) : onePool(pool),
      turns,
      transformRows: transformRowsOf({ transformResultNames }, transformJson),
      attributes: attributesOf({ spanAttributes }, {
        "db.system.name": "postgresql",
        "db.namespace": place.database,
        "server.address": place.host,
        "server.port": place.port
      }),
      traceComments: traceComments === true
    })
    return extend(client, pool, listening, toConfig(options, place))
  })

/** For the transaction only. */
const setLocal = (sql: Clients.Client, settings: Readonly<Record<string, string>>) => {
  const entries = Object.entries(settings)
  const calls = entries.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`)
  return entries.length === 0 ? Effect.void : sql.unsafe(`select ${calls.join(", ")}`, entries.flat()).withoutTransform
}

const readSettings = (sql: Clients.Client, names: ReadonlyArray<string>) => {
  const calls = names.map((_, index) => `current_setting($${index + 1}, true)`)
  return names.length === 0 ? Effect.succeed({}) : Effect.map(
    sql.unsafe(`select ${calls.join(", ")}`, names).values,
    ([values]) => Object.fromEntries(names.map((name, index) => [name, String(values?.[index] ?? "")]))
  )
}

/** For a transaction, which ends them; or for a savepoint, which ends them only where it is rolled back. */
const withSettings = <B, E, R>(
  sql: Clients.Client,
  settings: Readonly<Record<string, string>>,
  effect: Effect.Effect<B, E, R>
): Effect.Effect<B, E | SqlError, R> =>
  Effect.withFiberRuntime<B, E | SqlError, R>((fiber) => {
    const within = Effect.zipRight(setLocal(sql, settings), effect)
    if (connectionIn(fiber.currentContext) === undefined) return sql.withTransaction(within)
    return sql.withTransaction(
      Effect.flatMap(
        readSettings(sql, Object.keys(settings)),
        (before) => Effect.zipLeft(within, setLocal(sql, before))
      )
    )
  })

const extend = (
  client: Clients.Client,
  pool: ConnectionPool<PgConnection, PgConnectError>,
  { heard }: { readonly heard: Client["heard"] },
  config: PgClient.PgClientConfig
): Client => {
  const members = {
    [PgClient.TypeId]: PgClient.TypeId,
    config,
    pool,
    heard,
    json: (value: unknown) => json(value, undefined, undefined),
    listen: (channel: string) =>
      Stream.filterMap(
        heard(channel),
        (heard) => heard._tag === "Notification" ? Option.some(heard.payload) : Option.none()
      ),
    notify: (channel: string, payload: string) =>
      Effect.asVoid(client.unsafe("select pg_notify($1, $2)", [channel, payload]).withoutTransform),
    withSession: (settings: Readonly<Record<string, string>>) => <B, E, R>(effect: Effect.Effect<B, E, R>) =>
      withSettings(client, settings, effect)
  }
  return Object.assign(client, members)
}
