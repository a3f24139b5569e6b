/** The client under test: the same pool over each database's connections. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Target } from "../../support/proxy.js"
import { teller } from "../bank.js"
import { limits } from "../limits.js"
import type { Client } from "./database.js"

/** Its connections ask for the password at each opening. */
export const options = (address: Target, database: string, password: () => Redacted.Redacted) => ({
  connection: Effect.sync(() => ({
    host: address.host,
    port: address.port,
    database,
    user: teller,
    password: password(),
    statementTimeout: limits.statementTimeout,
    cancelTimeout: limits.cancelTimeout
  })),
  maxSize: limits.maxSize,
  acquireTimeout: limits.acquireTimeout,
  connectTimeout: limits.connectTimeout,
  closeTimeout: limits.closeTimeout
})

/** It is closed with the Scope. */
export const build = <I, P extends ConnectionPool<any, any>, E>(
  layer: Layer.Layer<I | SqlClient, E>,
  pool: Context.Tag<I, P>
): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.orDie(Effect.map(Layer.build(layer), (context) => ({
    sql: Context.get(context, SqlClient),
    pool: Context.get(context, pool)
  })))
