/** What a caller has in its hands: a connection, or the handle of a lease. */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { AcquireError } from "../model/errors.js"
import { LeaseEnded } from "../model/errors.js"
import type { LeaseOptions } from "../model/options.js"
import type { Lease } from "../model/pool.js"
import type { Hold } from "./acquire.js"
import { scoped } from "./acquire.js"
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

export const get = <A, E>(
  core: Core<A, E>,
  origin: Error | undefined
): Effect.Effect<A, E | AcquireError, Scope.Scope> => scoped(core, undefined, origin, toConnection, constVoid)

export const lease = <A, E>(
  core: Core<A, E>,
  options: LeaseOptions | undefined,
  origin: Error | undefined
): Effect.Effect<Lease<A>, E | AcquireError, Scope.Scope> =>
  scoped(core, options, origin, (held) => new LeaseImpl(core, held), (handle) => handle.end())

/** Closes what holds this connection. */
export const invalidate = <A, E>(core: Core<A, E>, connection: A): Effect.Effect<void> =>
  Effect.suspend(() => {
    const ids = [...core.resources].flatMap(([id, resource]) => resource.is(connection) ? [id] : [])
    return Effect.forEach(ids, (id) => condemn(core, id), { discard: true })
  })
