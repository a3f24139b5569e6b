/**
 * How a MySQL or MariaDB server sees the sessions of an application's user, for the console of its pool.
 *
 * It asks over a connection of its own, so that it is answered where the pool has none left. That one is opened when somebody looks, and closed when
 * nobody has looked for 10 seconds. Statements are shown as the server has them: of a prepared one that is its text without values; one that is not
 * prepared has its values in the text, and they are shown.
 *
 * @since 0.1.0
 */
import type { AcquireError } from "@cenote/core/PoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { watch } from "./internal/activity.js"
import type { MysqlConnectError, MysqlQueryError } from "./MysqlConnector.js"
import * as MysqlConnector from "./MysqlConnector.js"

/**
 * A session of the application's user.
 *
 * @since 0.1.0
 * @category models
 */
export type MysqlSession = {
  readonly id: number
  /** `Query`, `Sleep`, and others. */
  readonly command: string
  /** What it does in that: `Sending data`, `Waiting for table metadata lock`. */
  readonly state: string | null
  /** How long it has been so, in milliseconds. The server counts whole seconds. */
  readonly since: number
  readonly client: string
  readonly database: string | null
  /** The first 200 characters of what it runs. `null`: nothing. */
  readonly statement: string | null
}

const statement = `
  select id, command, state, time * 1000 as since, host as client, db as \`database\`, left(info, 200) as statement
  from information_schema.processlist
  where user = substring_index(user(), '@', 1) and id <> connection_id()
  order by id`

/**
 * Makes an Effect that looks. The options are those of the pool's connector: its user's sessions are shown, those of other applications with the same
 * user as well, as a server does not show each user by which program.
 *
 * Looking fails as `use` does, within 2 seconds where the server does not answer. Where it is interrupted, what the server was asked is cancelled.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  config: MysqlConnector.MysqlConnectorConfig
): Effect.Effect<
  Effect.Effect<ReadonlyArray<MysqlSession>, AcquireError | MysqlConnectError | MysqlQueryError>,
  never,
  Scope.Scope
> =>
  watch(
    "activity",
    MysqlConnector.make(config),
    (connection) =>
      Effect.map(connection.query(statement), ({ rows }) =>
        rows.map((row): MysqlSession => ({
          ...row as unknown as MysqlSession,
          id: Number(row.id),
          since: Number(row.since)
        })))
  )
