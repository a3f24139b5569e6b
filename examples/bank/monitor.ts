/** What the server and the pool say of themselves while the load runs. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgActivity from "@cenote/sql-adapter/PgActivity"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { Db } from "./bank.js"

export interface Peaks {
  /** The most sessions of the pool that the server had at one time. */
  readonly sessions: number
  /** The most callers that waited for a connection at one time. */
  readonly waiting: number
  /** How often both were looked at. */
  readonly samples: number
}

/**
 * What it sees, it sees over a connection of its own, which is not of the bank's pool: of a pool of one, so that there is another when the server
 * was started again. Closed with the Scope.
 */
export const make = (url: Redacted.Redacted) =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({
      name: "monitor",
      connector: PgConnector.make({ url, applicationName: "bank-monitor" }),
      maxSize: 1
    })
    const query = <Row extends object>(text: string) =>
      Effect.map(pool.use((connection) => connection.query<Row>(text)), ({ rows }) => rows)

    /** How many sessions of the pool the server has. */
    const sessions = Effect.map(
      query<{ sessions: number }>(
        "select count(*)::int as sessions from pg_stat_activity where application_name = 'bank'"
      ),
      (rows) => rows[0]!.sessions
    )

    /** The sessions of the pool, as the server sees them. */
    const activity = yield* PgActivity.make({ url, applicationName: "bank" })

    const total = Effect.map(
      query<{ total: string }>("select sum(balance) as total from account"),
      (rows) => Number(rows[0]!.total)
    )

    /** Ends the pool's sessions, as an administrator does, and says how many they were. */
    const kill = Effect.map(
      query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bank'"),
      (rows) => rows.length
    )

    /** The server's processes, but for the one that accepts connections. */
    const processes = Effect.map(
      query<{ pid: number }>("select pid from pg_stat_activity"),
      (rows) => rows.map(({ pid }) => pid)
    )

    /** Runs an effect, and looks all the while. */
    const watch = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function*() {
        let peaks: Peaks = { sessions: 0, waiting: 0, samples: 0 }

        const sample = Effect.gen(function*() {
          const { waiting } = yield* Db.stats
          peaks = {
            sessions: Math.max(peaks.sessions, yield* sessions),
            waiting: Math.max(peaks.waiting, waiting),
            samples: peaks.samples + 1
          }
        })

        const result = yield* Effect.raceFirst(effect, Effect.forever(Effect.delay(sample, "20 millis")))
        yield* sample
        return { result, peaks }
      })

    return { activity, kill, processes, sessions, total, watch }
  })

export type Monitor = Effect.Effect.Success<ReturnType<typeof make>>
