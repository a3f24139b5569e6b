import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import * as Pool from "@cenote/core/ConnectionPool"
import type { Connector } from "@cenote/core/Connector"
import * as Connectors from "@cenote/core/Connector"
import type { InvalidOptions } from "@cenote/core/PoolError"
import type { Tuning } from "@cenote/core/PoolOptions"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TransformRows } from "./transform.js"
import { TurnsOf } from "./Turns.js"

/** What the clients of all databases can be told. */
export interface ClientOptions {
  /** Turns the names of a result's columns into those of a row's fields: `String.snakeToCamel`. Default: as they are. */
  readonly transformResultNames?: ((name: string) => string) | undefined
  /** Turns names in a statement into the database's: `String.camelToSnake`. Default: as they are. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** What the spans of statements have besides what the client knows. */
  readonly spanAttributes?: Record<string, unknown> | undefined
  /**
   * Writes the trace that a statement belongs to into a comment behind it, for the server's logs (`traceparent`). Each text is then
   * another one: a server that counts or prepares by text has no use of that. Default: false.
   */
  readonly traceComments?: boolean | undefined
}

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

/** A pool whose connections have turns. */
export const poolOf = <A extends object, E, R>(
  connector: Connector<A, E, R>,
  tuning: Tuning
): Effect.Effect<
  { readonly pool: ConnectionPool<A, E>; readonly turns: TurnsOf<A> },
  InvalidOptions | Pool.StartupError<Pool.Startup, E>,
  R | Scope.Scope
> => {
  const turns = new TurnsOf<A>()
  return Effect.map(
    Pool.make<A, E, R, Pool.Startup | undefined>({
      ...tuning,
      connector: Connectors.make({ ...connector, open: turns.opened(connector.open) }) as unknown as Connector<A, E, R>
    }),
    (pool) => ({ pool, turns })
  ) as never
}
