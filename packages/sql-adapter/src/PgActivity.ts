/**
 * How a PostgreSQL server sees the sessions of an application, for the console of its pool.
 *
 * It asks over a connection of its own, so that it is answered where the pool has none left. That one is opened when somebody looks, and closed when
 * nobody has looked for 10 seconds. Statements are shown as the server has them: of one with parameters that is its text without their values;
 * what an application writes into the text is shown.
 *
 * @since 0.1.0
 */
import type { AcquireError } from "@cenote/core/PoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { watch } from "./internal/activity.js"
import type { PgConnectError, PgQueryError } from "./PgConnector.js"
import * as PgConnector from "./PgConnector.js"

/**
 * A session of the application. Times are milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type PgSession = {
  readonly pid: number
  /** `active`, `idle`, `idle in transaction`, and others. `null`: this user may not see it. */
  readonly state: string | null
  /** How long it has been so. */
  readonly since: number | null
  /** What it waits for: `Lock: transactionid`, `Client: ClientRead`. */
  readonly waits: string | null
  readonly client: string | null
  /** The first 200 characters of what it runs, or ran last. */
  readonly statement: string
}

const statement = `
  select pid, state, round(extract(epoch from clock_timestamp() - state_change) * 1000)::float8 as since,
    wait_event_type || ': ' || wait_event as waits, host(client_addr) as client, left(query, 200) as statement
  from pg_stat_activity
  where application_name = $1 and backend_type = 'client backend'
  order by pid`

/**
 * Makes an Effect that looks. The options are those of the pool's connector: its `applicationName` says whose sessions are shown. This connection
 * calls itself by that name and ` (activity)`.
 *
 * Looking fails as `use` does, within 2 seconds where the server does not answer. Where it is interrupted, what the server was asked is cancelled.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolConsole from "@cenote/core/PoolConsole"
 * import * as PgActivity from "@cenote/sql-adapter/PgActivity"
 * import * as PgConnector from "@cenote/sql-adapter/PgConnector"
 * import * as Effect from "effect/Effect"
 * import type * as Redacted from "effect/Redacted"
 *
 * export const console = (url: Redacted.Redacted) =>
 *   Effect.gen(function*() {
 *     const pool = yield* ConnectionPool.make({ connector: PgConnector.make({ url, applicationName: "orders" }) })
 *     const activity = yield* PgActivity.make({ url, applicationName: "orders" })
 *     return yield* PoolConsole.make({ pools: { orders: pool }, read: "anyone", server: { orders: activity } })
 *   })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  config: PgConnector.PgConnectorConfig
): Effect.Effect<
  Effect.Effect<ReadonlyArray<PgSession>, AcquireError | PgConnectError | PgQueryError>,
  never,
  Scope.Scope
> => {
  const { applicationName = "cenote" } = config
  const connector = PgConnector.make({ ...config, applicationName: `${applicationName} (activity)` })
  return watch(
    "activity",
    connector,
    (connection) => Effect.map(connection.query<PgSession>(statement, [applicationName]), ({ rows }) => rows)
  )
}
