import type * as Pool from "@cenote/core/ConnectionPool"
import type { InvalidOptions } from "@cenote/core/PoolError"
import type * as Reactivity from "@effect/experimental/Reactivity"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MysqlConnection } from "../../MysqlConnection.js"
import * as MysqlConnector from "../../MysqlConnector.js"
import { MysqlConnectError } from "../../MysqlError.js"
import type { MysqlConnectorConfig } from "../../MysqlOptions.js"
import * as Clients from "../client/client.js"
import { onePool } from "../client/dialect.js"
import { attributesOf, notHad, provided, transformRowsOf, unsharedPoolOf } from "../client/options.js"
import { TurnsOf } from "../client/Turns.js"
import { awaitingKills } from "../wire/kills.js"
import { dialect } from "./dialect.js"
import type { Client, Options } from "./models.js"
import type { Session } from "./session.js"
import { resolve } from "./settings.js"

/** One kind of error for all that opening a connection can fail with. */
const unavailable = (cause: unknown): MysqlConnectError =>
  cause instanceof MysqlConnectError ? cause : new MysqlConnectError({
    reason: "Configuration",
    message: notHad(cause),
    host: "",
    port: 0,
    database: "",
    user: "",
    cause
  })

/** Model and the storages of @effect/cluster ask for what they have inserted in the same text. */
const withSeveral = (config: MysqlConnectorConfig): MysqlConnectorConfig => ({ multipleStatements: true, ...config })

export const make = <E, R>(
  options: Options<E, R>
): Effect.Effect<
  Client,
  InvalidOptions | Pool.StartupError<"probe", MysqlConnectError>,
  R | Scope.Scope | Reactivity.Reactivity
> =>
  Effect.gen(function*() {
    const {
      connection: _,
      prepare,
      spanAttributes,
      traceComments,
      transformQueryNames,
      transformResultNames,
      ...tuning
    } = options
    const connection = yield* provided(options.connection, unavailable)
    const connector = yield* awaitingKills(
      Effect.isEffect(connection)
        ? MysqlConnector.make(Effect.map(connection, withSeveral))
        : MysqlConnector.make(withSeveral(connection)),
      // Every connection of these pools was opened by MysqlConnector.
      (connection) => (connection as Session).wire
    )
    // What an Effect gives is not known before there is a connection.
    const settings = Effect.isEffect(connection) ? undefined : yield* Effect.option(resolve(connection))
    const place = settings?._tag === "Some" ? settings.value.place : undefined
    const turns = new TurnsOf<MysqlConnection>()
    const pool = yield* unsharedPoolOf(connector, turns, tuning)
    const client = yield* Clients.make({
      dialect: dialect(MysqlClient.makeCompiler(transformQueryNames), prepare === true),
      pools: onePool(pool),
      turns,
      transformRows: transformRowsOf({ transformResultNames }),
      attributes: attributesOf({ spanAttributes }, {
        "db.system.name": "mysql",
        "db.namespace": place?.database,
        "server.address": place?.host,
        "server.port": place?.port
      }),
      traceComments: traceComments === true
    })
    return Object.assign(client, { pool })
  })
