/** The public pool, made of the parts of this layer. */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import { pipeArguments } from "effect/Pipeable"
import { stats } from "../allocator/Allocator.js"
import { LeaseEnded } from "../model/errors.js"
import type { ConnectionPool, Lease } from "../model/pool.js"
import { TypeId } from "../model/pool.js"
import type { Hold } from "./acquire.js"
import { scoped, use } from "./acquire.js"
import type { Core } from "./core.js"
import { now } from "./core.js"

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

export const fromCore = <A, E>(core: Core<A, E>): ConnectionPool<A, E> => ({
  [TypeId]: TypeId,
  name: core.settings.name,
  use: (f, options) => use(core, f, options),
  get: scoped(core, undefined, toConnection, constVoid),
  lease: (options) => scoped(core, options, (held) => new LeaseImpl(core, held), (handle) => handle.end()),
  invalidate: (connection) =>
    Effect.suspend(() => {
      const ids = [...core.resources].flatMap(([id, resource]) => resource.is(connection) ? [id] : [])
      return Effect.forEach(ids, (id) => condemn(core, id), { discard: true })
    }),
  stats: Effect.map(core.allocator.snapshot, (state) => stats(core.settings.name, state)),
  events: core.events.stream,
  pipe() {
    return pipeArguments(this, arguments)
  }
})
