/** The allocator of a keyed pool: one TRef for all keys, and for each key an allocator as any pool has. */
import * as List from "effect/List"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import type { Rules } from "../../model/settings.js"
import type { Allocator } from "../Allocator.js"
import type { Act, Decision, Input } from "../decision.js"
import * as OrderedMap from "../OrderedMap.js"
import type { State } from "../state.js"
import * as State_ from "../state.js"
import type { Ticket } from "../Ticket.js"
import type { Keys, KeysRules } from "./state.js"
import { initial } from "./state.js"
import * as Transition from "./transition.js"

/** One commit: what went in for which key, what came out, and the state after it. */
export interface KeysEntry {
  readonly key: number | undefined
  readonly input: Input | undefined
  readonly now: number
  readonly decision: Decision
  readonly state: Keys
}

export type KeysHistory = TRef.TRef<List.List<KeysEntry>>

export interface KeysAllocator {
  readonly snapshot: STM.STM<Keys>
  /** Undefined: it takes no new keys. */
  readonly add: (id: number, rules: Rules, now: number) => STM.STM<Act | undefined>
  readonly forget: (id: number, now: number) => STM.STM<Act>
  readonly end: (how: "Drain" | "Shutdown", now: number, ticket: Ticket) => STM.STM<Act>
  /** The allocator of a key that has these rules. */
  readonly of: (id: number, rules: Rules) => Allocator
}

/** What is left of a key that is gone. */
const gone = (rules: Rules): State => State_.withPhase(State_.initial(rules), { _tag: "Closed" })

export const make = (rules: KeysRules, history?: KeysHistory): STM.STM<KeysAllocator> =>
  STM.map(TRef.make(initial(rules)), (ref) => {
    const recorded = <D extends Decision | undefined>(
      stm: STM.STM<D>,
      now: number,
      key?: number,
      input?: Input
    ): STM.STM<D> =>
      history === undefined ?
        stm :
        STM.tap(stm, (decision) =>
          decision === undefined ?
            STM.void :
            STM.flatMap(
              TRef.get(ref),
              (state) => TRef.update(history, List.prepend<KeysEntry>({ key, input, now, decision, state }))
            ))
    return {
      snapshot: TRef.get(ref),
      add: (id, rules, now) => recorded(TRef.modify(ref, (keys) => Transition.add(keys, id, rules, now)), now, id),
      forget: (id, now) => recorded(TRef.modify(ref, (keys) => Transition.forget(keys, id, now)), now, id),
      end: (how, now, ticket) => recorded(TRef.modify(ref, (keys) => Transition.end(keys, how, now, ticket)), now),
      of: (id, perKey) => ({
        snapshot: STM.map(TRef.get(ref), ({ all }) => OrderedMap.get(all, id)?.state ?? gone(perKey)),
        decide: (input) =>
          recorded(TRef.modify(ref, (keys) => Transition.transitionOf(keys, id, input)), input.now, id, input)
      })
    }
  })
