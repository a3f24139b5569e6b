/** Connections that a user's own transaction takes. */
import * as Effect from "effect/Effect"
import type { Option } from "effect/Option"
import type { STM } from "effect/STM"
import * as Owner from "../allocator/Owner.js"
import { Ticket } from "../allocator/Ticket.js"
import { PoolClosed } from "../model/errors.js"
import { PoolEvent } from "../model/events.js"
import type { ClaimOptions } from "../model/options.js"
import type { ClaimOwner } from "../model/pool.js"
import { leave, mannerOf } from "./acquire.js"
import type { Core } from "./core.js"
import { now, publish } from "./core.js"
import { currentFiber } from "./currentFiber.js"

type AnyCore = Core<any, any>

/**
 * Where time has jumped, what is idle is to be suspected first: by the keeper, since this transaction commits nothing but itself. It may be
 * told so any number of times.
 */
export const tryTake = <A, E>(
  core: Core<A, E>,
  options: ClaimOptions | undefined,
  origin: Error | undefined
): STM<Option<A>, PoolClosed, ClaimOwner> =>
  Owner.claim(
    core,
    (fiber) => {
      const at = now(core)
      if (core.time.hasJumped) {
        core.keeper.arm(at)
        return undefined
      }
      return { now: at, ticket: new Ticket(at, at, fiber, mannerOf(core, options, origin)) }
    },
    (connection) => core.resources.get(connection)?.connection,
    () => new PoolClosed({ pool: core.settings.name })
  )

/** Tells of claims as of any lease, once they are committed: at once, to whoever listens then. */
class Announcer {
  private readonly told = new Set<Owner.Held<AnyCore>>()

  tell(held: ReadonlyArray<Owner.Held<AnyCore>>): void {
    for (const claim of held) {
      const { connection: id, number: lease, pool } = claim
      if (this.told.has(claim)) continue
      this.told.add(claim)
      publish(pool, (at) => PoolEvent.AcquireStarted({ at }))
      publish(pool, (at) => PoolEvent.Acquired({ at, id, lease, waited: 0 }))
    }
  }
}

/** Gives back what an owner holds, the last first. */
const giveBack = (owner: Owner.Owner, announcer: Announcer): Effect.Effect<void> =>
  Effect.flatMap(Owner.holdings(owner), (held) => {
    announcer.tell(held)
    return Effect.forEach([...held].reverse(), ({ connection: id, number, pool }: Owner.Held<AnyCore>) => {
      const resource = pool.resources.get(id)
      return leave(pool, number, resource === undefined ? undefined : { number, id, resource }, undefined)
    }, { discard: true })
  })

export const useSTM = <T, E, R, B, E2, R2>(
  stm: STM<T, E, R>,
  f: (taken: T) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2, Exclude<R, ClaimOwner> | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.suspend(() => Owner.make(currentFiber())), (owner) => {
      const announcer = new Announcer()
      return Effect.flatMap(restore(Owner.commit(owner, stm)), (taken) =>
        Effect.flatMap(Owner.holdings(owner), (held) => {
          announcer.tell(held)
          return restore(Effect.suspend(() =>
            f(taken)
          ))
        })).pipe(Effect.onExit(() => giveBack(owner, announcer)))
    })
  )
