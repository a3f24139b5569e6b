/** The public pool, made of the parts of this layer. */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import { pipeArguments } from "effect/Pipeable"
import { stats } from "../allocator/Allocator.js"
import { holdersOf } from "../allocator/situation.js"
import { LeaseEnded } from "../model/errors.js"
import type { ConnectionPool, Lease } from "../model/pool.js"
import { TypeId } from "../model/pool.js"
import type { Hold } from "./acquire.js"
import { originOf, scoped, use } from "./acquire.js"
import { tryTake } from "./claims.js"
import type { Core } from "./core.js"
import { now } from "./core.js"
import { leaseInfo } from "./diagnosis.js"
import { health } from "./health.js"
import { clear, closeWithin, drain, recycle, resize, resume, suspend } from "./operations.js"

const condemn = <A, E>(core: Core<A, E>, id: number): Effect.Effect<void> =>
  Effect.asVoid(core.commit({ _tag: "Condemn", id, reason: "Invalidated" }))

/** The handle of a lease. It knows when it has ended. */
class LeaseImpl<A> implements Lease<A> {
  readonly number: number
  readonly id: number
  private readonly since: number
  private endedAt: number | undefined = undefined

  constructor(private readonly core: Core<A, any>, private readonly held: Hold<A>) {
    this.number = held.number
    this.id = held.id
    this.since = now(core)
  }

  private get ended(): LeaseEnded {
    return new LeaseEnded({ pool: this.core.settings.name, lease: this.number, connection: this.id })
  }

  get connection(): A {
    if (this.endedAt !== undefined) throw this.ended
    return this.held.resource.connection
  }

  get age(): Effect.Effect<number> {
    return Effect.sync(() => (this.endedAt ?? now(this.core)) - this.since)
  }

  get invalidate(): Effect.Effect<void> {
    return Effect.suspend(() => this.endedAt === undefined ? condemn(this.core, this.id) : Effect.die(this.ended))
  }

  end(): void {
    this.endedAt = now(this.core)
  }
}

const toConnection = <A>({ resource }: Hold<A>): A => resource.connection

const untraced = <A, E>(core: Core<A, E>): ConnectionPool<A, E> => ({
  [TypeId]: TypeId,
  name: core.settings.name,
  use: (f, options) => use(core, f, options, originOf(core)),
  get: scoped(core, undefined, undefined, toConnection, constVoid),
  lease: (options) =>
    scoped(core, options, originOf(core), (held) => new LeaseImpl(core, held), (handle) => handle.end()),
  tryTake: (options) => tryTake(core, options, originOf(core)),
  invalidate: (connection) =>
    Effect.suspend(() => {
      const ids = [...core.resources].flatMap(([id, resource]) => resource.is(connection) ? [id] : [])
      return Effect.forEach(ids, (id) => condemn(core, id), { discard: true })
    }),
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
export const fromCore = <A, E>(core: Core<A, E>): ConnectionPool<A, E> => {
  const pool = made(core)
  cores.set(pool, core)
  return pool
}

const made = <A, E>(core: Core<A, E>): ConnectionPool<A, E> =>
  core.settings.leakTracing
    ? Object.defineProperty(untraced(core), "get", {
      get: () => scoped(core, undefined, originOf(core), toConnection, constVoid)
    })
    : untraced(core)
