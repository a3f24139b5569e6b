import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import * as Pool from "@cenote/core/ConnectionPool"
import type { Connector } from "@cenote/core/Connector"
import * as Connectors from "@cenote/core/Connector"
import { InvalidOptions } from "@cenote/core/PoolError"
import type { Tuning } from "@cenote/core/PoolOptions"
import * as Statement from "@effect/sql/Statement"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ClientOptions } from "./models.js"
import type { TransformRows } from "./transform.js"
import type { TurnsOf } from "./Turns.js"

export const transformRowsOf = (
  { transformResultNames }: ClientOptions,
  nested?: boolean | undefined
): TransformRows =>
  transformResultNames === undefined ? undefined : Statement.defaultTransforms(transformResultNames, nested).array

export const attributesOf = (
  { spanAttributes }: ClientOptions,
  known: Record<string, unknown>
): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries({ ...spanAttributes, ...known }).filter(([, value]) => value !== undefined)

/** Options that are known, or an Effect of them that needs and fails with nothing else. */
export const provided = <C extends object, E, R, E2>(
  options: C | Effect.Effect<C, E, R>,
  unavailable: (cause: E) => E2
): Effect.Effect<C | Effect.Effect<C, E2, Scope.Scope>, never, R> =>
  Effect.isEffect(options)
    ? Effect.map(Effect.context<R>(), (context) =>
      (options as Effect.Effect<C, E, R>).pipe(
        Effect.mapInputContext((scope: Context.Context<Scope.Scope>) => Context.merge(context, scope)),
        Effect.mapError(unavailable)
      ))
    : Effect.succeed(options)

/** Why options that an Effect gives could not be had. */
export const notHad = (cause: unknown): string =>
  `The connection's options could not be had: ${cause instanceof Error ? cause.message : String(cause)}`

/** The options of a pool whose connections do one thing at a time. If leases shared one, a transaction would have others' statements in it. */
export type Unshared = Omit<Tuning, "concurrency">

const refuseSharing = (tuning: Tuning): Effect.Effect<void, InvalidOptions> =>
  tuning.concurrency === undefined || tuning.concurrency === 1 ? Effect.void : new InvalidOptions({
    issues: [{
      field: "concurrency",
      problem: "is not an option here: a connection does one thing at a time. Leave it out, and raise maxSize"
    }]
  })

/** As `poolOf`, where nothing may share a connection. */
export const unsharedPoolOf = <A extends object, E>(
  connector: Connector<A, E>,
  turns: TurnsOf<A>,
  tuning: Unshared
): ReturnType<typeof poolOf<A, E>> => Effect.zipRight(refuseSharing(tuning), poolOf(connector, turns, tuning))

/** A pool whose connections have turns. */
export const poolOf = <A extends object, E>(
  connector: Connector<A, E>,
  turns: TurnsOf<A>,
  tuning: Tuning
): Effect.Effect<ConnectionPool<A, E>, InvalidOptions | Pool.StartupError<"probe", E>, Scope.Scope> =>
  Pool.make({ ...tuning, connector: Connectors.make({ ...connector, open: turns.opened(connector.open) }) })
