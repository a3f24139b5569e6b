/** `all` and `useAll` of public pools. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AcquireError } from "../model/errors.js"
import type { LeaseOptions } from "../model/options.js"
import type { Connections, OpenErrors, Pools } from "../model/pool.js"
import { originOf } from "./acquire.js"
import { scopedAll, useAll as use } from "./all.js"
import { coreOf } from "./pool.js"

/** What was given for the pools, in the shape that they were named in. */
const inShape = <P extends Pools>(pools: P, connections: ReadonlyArray<any>): Connections<P> =>
  (Array.isArray(pools)
    ? connections
    : Object.fromEntries(Object.keys(pools).map((name, index) => [name, connections[index]]))) as Connections<P>

const coresOf = (pools: Pools) => Object.values(pools).map(coreOf)

const origin = (cores: ReturnType<typeof coresOf>): Error | undefined =>
  cores.reduce<Error | undefined>((origin, core) => origin ?? originOf(core.settings), undefined)

export const all = <const P extends Pools>(
  pools: P,
  options?: LeaseOptions
): Effect.Effect<Connections<P>, OpenErrors<P> | AcquireError, Scope.Scope> => {
  const cores = coresOf(pools)
  return Effect.map(scopedAll(cores, options, origin(cores)), (connections) => inShape(pools, connections))
}

export const useAll = <const P extends Pools, B, E2, R2>(
  pools: P,
  f: (connections: Connections<P>) => Effect.Effect<B, E2, R2>,
  options?: LeaseOptions
): Effect.Effect<B, OpenErrors<P> | E2 | AcquireError, R2> => {
  const cores = coresOf(pools)
  return use(cores, (connections) => f(inShape(pools, connections)), options, origin(cores))
}
