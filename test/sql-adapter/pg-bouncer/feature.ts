import type { PgConnectorConfig, PgQueryError } from "@cenote/sql-adapter/PgConnector"
import type { Client } from "@cenote/sql-adapter/PgPool"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { PostgresError, Server } from "../../support/postgres.js"
import type { Place } from "./place.js"

/** A row of the table. */
export interface Feature {
  /** What happens, as the table says it in a word or two. */
  readonly what: (here: Place) => Effect.Effect<string, unknown, Scope.Scope>
  /** Whether what the table says to do works. */
  readonly instead?: (here: Place) => Effect.Effect<boolean, unknown, Scope.Scope>
}

/** The database's own error. */
export const failure = <E>(
  effect: Effect.Effect<unknown, E>
): Effect.Effect<Partial<PgQueryError> & { readonly message: string }, unknown> =>
  Effect.map(Effect.flip(effect), (error) => (error as SqlError).cause as PgQueryError)

/** The only value of the only row. */
export const value = (sql: Client, text: string): Effect.Effect<unknown, SqlError> =>
  Effect.map(sql.unsafe(text).values, ([row]) => row![0])

export const valueOf = (server: Server, text: string) =>
  Effect.map(server.query(text), ([row]) => Object.values(row!)[0])

/** Whether it is so within a second. */
export const soon = <E>(holds: Effect.Effect<boolean, E>): Effect.Effect<boolean, E> =>
  holds.pipe(
    Effect.repeat({ until: (held) => held, schedule: Schedule.spaced(20) }),
    Effect.timeoutTo({ duration: "1 second", onSuccess: () => true, onTimeout: () => false })
  )

/** Whether the server runs this text for anybody. */
export const runs = (server: Server, text: string) =>
  Effect.map(
    server.query("select 1 from pg_stat_activity where state = 'active' and query = $1", [text]),
    ({ length }) => length > 0
  )

let roles = 0

/** A role with settings of its own, as whom to connect. */
export const role = (
  server: Server,
  settings: Record<string, string>
): Effect.Effect<PgConnectorConfig, PostgresError> =>
  Effect.gen(function*() {
    const user = `bounded_${roles++}`
    yield* server.query(`create role ${user} login password 'secret'`)
    for (const [name, value] of Object.entries(settings)) {
      yield* server.query(`alter role ${user} set ${name} = '${value}'`)
    }
    return { user, password: Redacted.make("secret") }
  })
