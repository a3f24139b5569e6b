import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import pg from "pg"
import type { PgConnectError } from "../../PgError.js"
import type { PgConnectorConfig } from "../../PgOptions.js"
import type { Problems } from "../wire/fields.js"
import * as Fields from "../wire/fields.js"
import { millis, secret, text } from "../wire/fields.js"
import { tlsFor } from "../wire/tls.js"
import type { Limits } from "../wire/work.js"
import type { Place } from "./failure.js"
import { configurationError } from "./failure.js"

/** A connector's options, checked and with the defaults in them. */
export interface Settings extends Limits {
  readonly place: Place
  readonly client: pg.ClientConfig
  /** In milliseconds. */
  readonly connectTimeout: number | undefined
  readonly setup: ReadonlyArray<string>
  readonly resetSession: boolean
  /** How many a connection keeps; 0 where none are prepared. */
  readonly preparedStatements: number
  /** Whether a statement is sent before those that share the connection with it are answered. */
  readonly pipeline: boolean
}

/** One constant for all defaults. */
const defaults = {
  applicationName: "cenote",
  cancelTimeout: Duration.seconds(5),
  keepAliveDelay: Duration.seconds(30)
}

/** What a URL may say. pg reads the PG* environment variables for what it doesn't. */
const urlParameters = [
  "host",
  "port",
  "database",
  "user",
  "password",
  "ssl",
  "sslnegotiation",
  "application_name",
  "client_encoding",
  "options",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout"
] as const

const parseUrl = (url: string, problems: Problems): pg.ClientConfig => {
  const unreadable =
    "is not a PostgreSQL URL: postgres://user:password@host:port/database, with what is special in its parts "
    + "percent-encoded"
  if (!/^(postgres|postgresql|socket):|^\//.test(url)) {
    problems.push(`url ${unreadable}`)
    return {}
  }
  // Parts of a password with an unencoded "/", "?" or "#" would be read as host, port and database, and these are shown.
  if (URL.canParse(url)) {
    const { pathname, search, hash } = new URL(url)
    if (`${pathname}${search}${hash}`.includes("@")) {
      problems.push(`url ${unreadable}`)
      return {}
    }
  }
  try {
    const client = new pg.Client({ connectionString: url })
    const { connectionParameters } = client as unknown as { connectionParameters: Record<string, unknown> }
    return Object.fromEntries(
      urlParameters.map((name) => [name, connectionParameters[name]]).filter(([, value]) =>
        value !== undefined && value !== null
      )
    )
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    problems.push(
      code === "ENOENT" || code === "EACCES" ? `url names a file that cannot be read: ${path}` : `url ${unreadable}`
    )
    return {}
  }
}

/** Checks a connector's options. Fails with all that is wrong with them. */
export const resolve = (config: PgConnectorConfig): Effect.Effect<Settings, PgConnectError> =>
  Effect.suspend(() => {
    const problems: Problems = []
    const url = secret("url", config.url, problems)
    const password = secret("password", config.password, problems)
    text("host", config.host, problems)
    text("database", config.database, problems)
    text("user", config.user, problems)
    text("applicationName", config.applicationName, problems)
    Fields.port(config.port, problems)
    Fields.ssl(config.ssl, problems)
    const setup = Fields.setup(config.setup, problems)
    const preparedStatements = config.preparedStatements ?? 0
    if (!Number.isInteger(preparedStatements) || preparedStatements < 0) {
      problems.push("preparedStatements must be a whole number, 0 to prepare none")
    }
    const resetSession = config.resetSession ?? false
    if (typeof resetSession !== "boolean") problems.push("resetSession must be a boolean")
    const pipeline = config.pipeline ?? false
    if (typeof pipeline !== "boolean") problems.push("pipeline must be a boolean")
    if (pipeline && !("pipeline" in new pg.Client({}))) {
      problems.push("pipeline needs pg 8.23 or later")
    }
    if (pipeline && resetSession) {
      problems.push("resetSession and pipeline exclude each other: those who share a connection share its session")
    }
    const connectTimeout = millis("connectTimeout", config.connectTimeout, problems)
    const statementTimeout = millis("statementTimeout", config.statementTimeout, problems)
    const cancelTimeout = millis("cancelTimeout", config.cancelTimeout ?? defaults.cancelTimeout, problems)
    const keepAliveDelay = millis("keepAliveDelay", config.keepAliveDelay ?? defaults.keepAliveDelay, problems)

    const client: pg.ClientConfig = {
      fallback_application_name: defaults.applicationName,
      ...(url === undefined ? {} : parseUrl(url, problems)),
      ...given({
        host: config.host,
        port: config.port,
        database: config.database,
        user: config.user,
        password,
        ssl: config.ssl,
        application_name: config.applicationName,
        statement_timeout: statementTimeout,
        options: config.options,
        types: config.types
      }),
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelay
    }
    const place = placeOf(client)
    if (problems.length > 0 || cancelTimeout === undefined) return Effect.fail(configurationError(place, problems))
    if (client.ssl !== undefined) client.ssl = tlsFor(place.host, client.ssl)
    return Effect.succeed({
      place,
      client,
      cancelTimeout,
      connectTimeout,
      answerTimeout: Fields.answerTimeoutOf(statementTimeout, cancelTimeout),
      setup,
      resetSession,
      preparedStatements,
      pipeline
    })
  })

const given = <A extends object>(fields: A): Partial<A> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<A>

/** What pg would use, with what it takes from the environment. */
const placeOf = ({ host, port, database, user }: pg.ClientConfig): Place => {
  const name = user ?? process.env.PGUSER ?? pg.defaults.user ?? ""
  return {
    host: host ?? process.env.PGHOST ?? "localhost",
    port: port ?? Number(process.env.PGPORT ?? 5432),
    database: database ?? process.env.PGDATABASE ?? name,
    user: name
  }
}
