import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import mysql from "mysql2"
import type * as tls from "node:tls"
import type { MysqlConnectError } from "../../MysqlError.js"
import type { MysqlConnectorConfig } from "../../MysqlOptions.js"
import type { Problems } from "../wire/fields.js"
import * as Fields from "../wire/fields.js"
import { flag, millis, secret, text } from "../wire/fields.js"
import { tlsFor } from "../wire/tls.js"
import type { Limits } from "../wire/work.js"
import type { ClientOptions } from "./driver.js"
import type { Place } from "./failure.js"
import { configurationError } from "./failure.js"

/** A connector's options, checked and with the defaults in them. */
export interface Settings extends Limits, ClientOptions {
  readonly place: Place
  readonly socketPath: string | undefined
  /** In milliseconds, as are the others. */
  readonly keepAliveDelay: number
  readonly connectTimeout: number | undefined
  readonly statementTimeout: number | undefined
  readonly setup: ReadonlyArray<string>
}

/** One constant for all defaults. */
const defaults = {
  host: "localhost",
  port: 3306,
  applicationName: "cenote",
  cancelTimeout: Duration.seconds(5),
  keepAliveDelay: Duration.seconds(30),
  charset: "utf8mb4_unicode_ci",
  timezone: "local",
  preparedStatements: 100
} as const

/** What a URL, too, may say. */
interface Located extends
  Pick<
    MysqlConnectorConfig,
    "host" | "port" | "database" | "user" | "socketPath" | "ssl" | "charset" | "timezone"
  >
{
  readonly password?: string | undefined
}

const urlParameters = new Set(["ssl", "socketPath", "charset", "timezone"])

const parseSsl = (value: string | null): MysqlConnectorConfig["ssl"] =>
  value === null ? undefined : JSON.parse(value) as boolean | tls.ConnectionOptions

const parseUrl = (url: string, problems: Problems): Located => {
  const unreadable = () => {
    problems.push(
      "url is not a MySQL URL: mysql://user:password@host:port/database, with what is special in its parts percent-encoded"
    )
    return {}
  }
  if (!URL.canParse(url)) return unreadable()
  const { hash, hostname, password, pathname, port, protocol, search, searchParams, username } = new URL(url)
  // Parts of a password with an unencoded "/", "?" or "#" would be read as host, port and database, and these are shown.
  const isWhole = hash === "" && !`${pathname}${search}`.includes("@")
  if (!isWhole || (protocol !== "mysql:" && protocol !== "mariadb:")) return unreadable()
  for (const name of searchParams.keys()) {
    if (!urlParameters.has(name)) {
      problems.push(
        `url has a parameter that is not known: ${JSON.stringify(name)}; known are ${[...urlParameters].join(", ")}`
      )
    }
  }
  try {
    const part = (value: string | null) => value === null || value === "" ? undefined : decodeURIComponent(value)
    return {
      host: part(hostname.replace(/^\[|\]$/g, "")),
      port: port === "" ? undefined : Number(port),
      database: part(pathname.slice(1)),
      user: part(username),
      password: part(password),
      ssl: parseSsl(searchParams.get("ssl")),
      socketPath: searchParams.get("socketPath") ?? undefined,
      charset: searchParams.get("charset") ?? undefined,
      timezone: (searchParams.get("timezone") ?? undefined) as MysqlConnectorConfig["timezone"]
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) return unreadable()
    problems.push("ssl of the url must be true, false, or the options of tls.connect as JSON, percent-encoded")
    return {}
  }
}

type Given<A> = { readonly [Field in keyof A]?: Exclude<A[Field], undefined> }

const given = <A extends object>(fields: A): Given<A> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<A>

const dateTypes = ["DATE", "DATETIME", "TIMESTAMP"] as const

const checkValues = (config: MysqlConnectorConfig, { charset, timezone }: Located, problems: Problems): void => {
  if (charset !== undefined && !isCharset(charset)) {
    problems.push("charset must be utf8mb4 or a collation of it, such as utf8mb4_bin")
  }
  if (timezone !== undefined && !/^(local|Z|[+-]\d\d:\d\d)$/.test(timezone)) {
    problems.push("timezone must be \"local\", \"Z\" or an offset such as \"+01:00\"")
  }
  const { dateStrings, typeCast } = config
  if (typeCast !== undefined && typeof typeCast !== "function" && typeof typeCast !== "boolean") {
    problems.push("typeCast must be a function, true or false")
  }
  if (
    dateStrings !== undefined && typeof dateStrings !== "boolean" &&
    !(Array.isArray(dateStrings) && dateStrings.every((name) => dateTypes.includes(name)))
  ) {
    problems.push(`dateStrings must be true, false, or a list of ${dateTypes.join(", ")}`)
  }
  for (const name of ["decimalNumbers", "bigintStrings", "jsonStrings", "multipleStatements"] as const) {
    flag(name, config[name], problems)
  }
}

const charsets: Partial<Record<string, number>> = { ...mysql.Charsets }

/** The greeting has one byte for it. */
const isCharset = (name: unknown): boolean =>
  typeof name === "string" && /^utf8mb4(_|$)/i.test(name) && (charsets[name.toUpperCase()] ?? 256) < 256

/** Checks a connector's options. Fails with all that is wrong with them. */
export const resolve = (config: MysqlConnectorConfig): Effect.Effect<Settings, MysqlConnectError> =>
  Effect.suspend(() => {
    const problems: Problems = []
    const url = secret("url", config.url, problems)
    const password = secret("password", config.password, problems)
    const { charset, database, host, port, socketPath, ssl, timezone, user } = config
    const located = {
      ...given<Located>(url === undefined ? {} : parseUrl(url, problems)),
      ...given<Located>({ charset, database, host, password, port, socketPath, ssl, timezone, user })
    }

    for (const name of ["host", "database", "user", "socketPath"] as const) text(name, located[name], problems)
    text("applicationName", config.applicationName, problems)
    const { port: portNumber = defaults.port } = located
    Fields.port(portNumber, problems)
    Fields.ssl(located.ssl, problems)
    checkValues(config, located, problems)
    const setup = Fields.setup(config.setup, problems)
    const preparedStatements = config.preparedStatements ?? defaults.preparedStatements
    if (!Number.isInteger(preparedStatements) || preparedStatements < 1) {
      problems.push("preparedStatements must be a whole number from 1 on")
    }
    const dateStrings = config.dateStrings ?? false
    const connectTimeout = millis("connectTimeout", config.connectTimeout, problems)
    const statementTimeout = millis("statementTimeout", config.statementTimeout, problems)
    const cancelTimeout = millis("cancelTimeout", config.cancelTimeout ?? defaults.cancelTimeout, problems)
    const keepAliveDelay = millis("keepAliveDelay", config.keepAliveDelay ?? defaults.keepAliveDelay, problems)

    const place: Place = {
      host: located.socketPath ?? located.host ?? defaults.host,
      port: portNumber,
      database: located.database ?? "",
      user: located.user ?? ""
    }
    if (problems.length > 0 || cancelTimeout === undefined || keepAliveDelay === undefined) {
      return Effect.fail(configurationError(place, problems))
    }
    // Checked against the name of the host also where the socket is opened by address, as for a cancel.
    const security = tlsFor(located.host ?? defaults.host, located.ssl ?? false)
    const tls = typeof security === "object" ? security : undefined
    const isTrusted = tls !== undefined && tls.rejectUnauthorized !== false
    return Effect.succeed({
      place,
      client: {
        ...given({ user: located.user, password: located.password, database: located.database }),
        host: located.host ?? defaults.host,
        port: place.port,
        // That there is TLS, or a socket that nobody else hears. How they are used is not left to mysql2.
        ...(tls === undefined ? {} : { ssl: {} }),
        ...(located.socketPath === undefined ? {} : { socketPath: located.socketPath }),
        enableCleartextPlugin: isTrusted || located.socketPath !== undefined,
        connectAttributes: { program_name: config.applicationName ?? defaults.applicationName },
        connectTimeout: 0,
        flags: ["-LOCAL_FILES"],
        multipleStatements: config.multipleStatements ?? false,
        charset: (located.charset ?? defaults.charset).toUpperCase(),
        timezone: located.timezone ?? defaults.timezone,
        maxPreparedStatements: preparedStatements,
        supportBigNumbers: true,
        typeCast: config.typeCast ?? true,
        decimalNumbers: config.decimalNumbers ?? false,
        bigNumberStrings: config.bigintStrings ?? false,
        dateStrings: typeof dateStrings === "object" ? [...dateStrings] : dateStrings,
        jsonStrings: config.jsonStrings ?? false
      },
      socketPath: located.socketPath,
      tls,
      cancelTimeout,
      keepAliveDelay,
      connectTimeout,
      statementTimeout,
      answerTimeout: Fields.answerTimeoutOf(statementTimeout, cancelTimeout),
      setup
    })
  })
