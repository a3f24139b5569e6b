/**
 * Who owns what a user's transaction takes.
 *
 * A lease that is written down only after the commit is lost where an interruption comes in between. So the transaction itself writes
 * it down, in a TRef that was there before it: whatever becomes of its fiber, that TRef says what there is to give back.
 *
 * Until the user's part is over, what it claims is a draft: the pools' states are read, and not written. For once a transaction has had to
 * wait, Effect 3.22 commits what it has written at every attempt, also at one that retries or fails (test/allocator/purity.test.ts). What comes after
 * the user's part can do neither.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import type { Asker } from "../model/asker.js"
import type { ClaimOwner } from "../model/pool.js"
import type { Allocator } from "./Allocator.js"
import type { Reuse } from "./decision.js"
import type { State } from "./state.js"
import { isClosing } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { transition } from "./transition.js"

interface Pool {
  readonly allocator: Allocator
}

/** With what a claim is made. */
export interface Asked {
  readonly now: number
  readonly ticket: Ticket
}

/** A connection that was taken, and from which pool. */
export interface Held<P> {
  readonly pool: P
  readonly ticket: Ticket
  readonly number: number
  readonly connection: number
}

/** A claim that is not committed yet, and what its pool will be like. */
interface Drafted extends Asked {
  readonly pool: Pool
  readonly state: State
}

export interface Owner {
  /** Whose transaction it is. Another's commit may run it again. */
  readonly fiber: Asker | undefined
  /** `undefined`: its transaction does not run. */
  readonly draft: TRef.TRef<ReadonlyArray<Drafted> | undefined>
  readonly holdings: TRef.TRef<ReadonlyArray<Held<any>>>
  /**
   * The pools that any attempt has asked: what is read besides, so that all of them wake the transaction. Where a branch of `STM.orElse`
   * retries, Effect forgets that it has read anything, and a pool that only this branch asks would wake nobody. It only grows, and
   * decides nothing.
   */
  readonly asked: Set<Pool>
}

const tag = Context.GenericTag<ClaimOwner, Owner>("@cenote/core/ClaimOwner")

export const make = (fiber: Asker | undefined): Effect.Effect<Owner> =>
  STM.commit(
    STM.zipWith(
      TRef.make<ReadonlyArray<Drafted> | undefined>(undefined),
      TRef.make<ReadonlyArray<Held<any>>>([]),
      (draft, holdings) => ({ fiber, draft, holdings, asked: new Set<Pool>() })
    )
  )

/** A transaction that needs a service. */
export const fromService = <Self, S, A, E, R>(
  service: Context.Tag<Self, S>,
  f: (service: S) => STM.STM<A, E, R>
): STM.STM<A, E, R | Self> => STM.flatMap(service, f)

/** Has the transaction run again when any of the pools changes. */
const watch = ({ asked }: Owner): STM.STM<void> =>
  STM.suspend(() =>
    asked.size === 0 ? STM.void : STM.forEach(asked, ({ allocator }) => allocator.snapshot, { discard: true })
  )

/** Takes a connection, where there is one, as part of the owner's transaction. `ask` is asked at each attempt; undefined: not now. Fails where it refuses newcomers for good. */
export const claim = <A, E>(
  pool: Pool,
  ask: (fiber: Asker | undefined) => Asked | undefined,
  toGiven: (connection: number) => A | undefined,
  closed: () => E
): STM.STM<Option.Option<A>, E, ClaimOwner> =>
  STM.flatMap(tag, (owner) =>
    STM.flatMap(TRef.get(owner.draft), (draft) => {
      if (draft === undefined) return STM.dieMessage("A ClaimOwner was used outside of the transaction of its useSTM")
      owner.asked.add(pool)
      const before = draft.filter((drafted) => drafted.pool === pool).at(-1)
      const present = before === undefined ? pool.allocator.snapshot : STM.succeed(before.state)
      return STM.flatMap(owner.asked.size === 1 ? present : STM.zipRight(watch(owner), present), (state) => {
        if (isClosing(state) || state.phase._tag === "Draining") return STM.failSync(closed)
        const asked = ask(owner.fiber)
        if (asked === undefined) return STM.succeed(Option.none())
        const [decision, after] = transition(state, { _tag: "Claim", ...asked })
        const given = decision._tag === "Reuse" ? Option.fromNullable(toGiven(decision.connection)) : Option.none()
        return Option.isNone(given)
          ? STM.succeed(given)
          : STM.as(TRef.set(owner.draft, [...draft, { ...asked, pool, state: after }]), given)
      })
    }))

/** Makes of the draft what it holds. It can neither retry nor fail. */
const settle = ({ draft, holdings }: Owner): STM.STM<void> =>
  STM.flatMap(TRef.getAndSet(draft, undefined), (drafted) =>
    STM.flatMap(
      STM.forEach(drafted!, ({ now, pool, ticket }) =>
        STM.map(pool.allocator.decide({ _tag: "Claim", now, ticket }), (decision): Held<any> => {
          // As in the draft: nobody came in between.
          const { connection, number } = decision as Reuse
          return { pool, ticket, number, connection }
        })),
      (held) =>
        TRef.set(holdings, held)
    ))

/** Commits a transaction whose claims are this owner's. */
export const commit = <A, E, R>(
  owner: Owner,
  stm: STM.STM<A, E, R>
): Effect.Effect<A, E, Exclude<R, ClaimOwner>> =>
  STM.commit(
    STM.zipRight(
      STM.zipRight(TRef.set(owner.draft, []), watch(owner)),
      STM.zipLeft(STM.provideService(stm, tag, owner), settle(owner))
    )
  )

/** What it holds. */
export const holdings = (owner: Owner): Effect.Effect<ReadonlyArray<Held<any>>> => STM.commit(TRef.get(owner.holdings))
