/** The public pool, made of the parts of this layer. */
import * as Effect from "effect/Effect"
import { pipeArguments } from "effect/Pipeable"
import { stats } from "../allocator/Allocator.js"
import { holdersOf } from "../allocator/situation.js"
import type { ConnectionPool } from "../model/pool.js"
import { TypeId } from "../model/pool.js"
import { originOf, use } from "./acquire.js"
import { tryTake } from "./claims.js"
import type { Core } from "./core.js"
import { now } from "./core.js"
import { leaseInfo } from "./diagnosis.js"
import { health } from "./health.js"
import { get, invalidate, lease } from "./leases.js"
import type { PlainCore } from "./make.js"
import { clear, closeWithin, drain, recycle, resize, resume, suspend } from "./operations.js"

const untraced = <A, E>(core: PlainCore<A, E>): ConnectionPool<A, E> => ({
  [TypeId]: TypeId,
  name: core.settings.name,
  use: (f, options) => use(core, f, options, originOf(core.settings)),
  get: get(core, undefined),
  lease: (options) => lease(core, options, originOf(core.settings)),
  tryTake: (options) => tryTake(core, options, originOf(core.settings)),
  invalidate: (connection) => invalidate(core, connection),
  stats: Effect.map(core.allocator.snapshot, (state) => stats(core.settings.name, state, now(core))),
  leases: Effect.map(core.allocator.snapshot, (state) => {
    const at = now(core)
    return holdersOf(state).map((holder) => leaseInfo(holder, at))
  }),
  health: health(core),
  resize: (sizes) => resize(core, sizes),
  clear: (options) => clear(core, options),
  recycle: (options) => recycle(core, options),
  suspend: (options) => suspend(core, options),
  resume: resume(core),
  drain: drain(core),
  close: (options) => closeWithin(core, options),
  events: core.events.stream,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

const cores = new WeakMap<ConnectionPool<any, any>, Core<any, any>>()

/** A pool from the inside. */
export const coreOf = (pool: ConnectionPool<any, any>): Core<any, any> => {
  const core = cores.get(pool)
  if (core === undefined) throw new Error("This is no pool that Cenote has made: pass pools, as `yield* Db` gives one")
  return core
}

/** `get` is a value, so where it is asked for shows only where the value is read: a pool whose leases are traced has a getter for it. */
export const fromCore = <A, E>(core: PlainCore<A, E>): ConnectionPool<A, E> => {
  const pool = made(core)
  cores.set(pool, core)
  return pool
}

const made = <A, E>(core: PlainCore<A, E>): ConnectionPool<A, E> =>
  core.settings.leakTracing
    ? Object.defineProperty(untraced(core), "get", {
      get: () => get(core, originOf(core.settings))
    })
    : untraced(core)
