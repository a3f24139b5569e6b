/** What is written for @effect/sql runs on every SQL client here, whatever the database. Each adapter runs all of it. */
import type { PoolStats } from "@cenote/core/PoolStats"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Statement from "@effect/sql/Statement"
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Options } from "../conformance/subject.js"
import { until } from "../harness.js"

export type Dialect = "pg" | "mysql" | "sqlite"

type Stats = Pick<
  PoolStats,
  "checking" | "closing" | "leased" | "opened" | "opening" | "resetting" | "waiting"
>

/** A database that the suite is run on. `P` are the tags of a client's pools. */
export interface Subject<P, R> {
  readonly dialect: Dialect
  /** A client and its pools. All of them are clients of the same database. */
  readonly layer: (options?: Options) => Layer.Layer<SqlClient.SqlClient | P, unknown, R>
  /** Of all pools of a client. */
  readonly stats: Effect.Effect<Stats, never, P>
  /** A statement that takes at least ten seconds. */
  readonly slow: string
  /** Whether `slow` is running for anybody. */
  readonly isRunningSlow: Effect.Effect<boolean, unknown, P | R>
  /** Where the connections are sessions of a server. */
  readonly server: {
    /** Ends those of all clients: nothing that they have will work. */
    readonly killAll: Effect.Effect<unknown, unknown, R>
    /** Ends one, and waits until it is gone. */
    readonly kill: (session: number) => Effect.Effect<unknown, unknown, R>
    /** Those that have locks of their own. */
    readonly lockHolders: Effect.Effect<ReadonlyArray<number>, unknown, R>
  } | undefined
}

/** Runs a test of the suite: what it does, on a client of its own. */
export type Test<P, R> = (
  name: string,
  run: Effect.Effect<unknown, unknown, SqlClient.SqlClient | P | Scope.Scope | R>,
  options?: Options
) => void

/** Nobody has a connection any more, and nothing is being done with one. */
export const atRest = <P>(stats: Effect.Effect<Stats, never, P>) =>
  until(
    "the pool is at rest",
    Effect.map(stats, ({ checking, closing, leased, opening, resetting, waiting }) =>
      checking + closing + leased + opening + resetting + waiting === 0)
  )

export const testOf =
  <P, R>(it: Vitest.MethodsNonLive<R, boolean>, { layer, stats }: Subject<P, R>): Test<P, R> => (name, run, options) =>
    it.scoped(
      name,
      () => Effect.scoped(run).pipe(Effect.zipRight(atRest(stats)), Effect.provide(layer(options)))
    )

/** What an effect gives, and the texts of the statements that it asked for. */
export const recorded = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly value: A; readonly texts: ReadonlyArray<string> }, E, R> =>
  Effect.suspend(() => {
    const texts: Array<string> = []
    const noted = Statement.withTransformer(effect, (statement) =>
      Effect.sync(() => {
        texts.push(statement.compile()[0])
        return statement
      }))
    return Effect.map(noted, (value) => ({ value, texts }))
  })
