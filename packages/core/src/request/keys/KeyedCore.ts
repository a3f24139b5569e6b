/** What the keys of a keyed pool have in common, and the address book in which they are found. It decides nothing. */
import * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { Act, Work } from "../../allocator/decision.js"
import type { KeysAllocator } from "../../allocator/keys/KeysAllocator.js"
import { KeyedPoolEvent } from "../../model/keyed.js"
import type { KeyedSettings } from "../../model/keyedSettings.js"
import { Events } from "../events.js"
import { InOrder } from "../InOrder.js"
import { Keeper } from "../Keeper.js"
import { startAll, suspect } from "../perform.js"
import type { Time } from "../Time.js"
import { Agenda } from "./Agenda.js"
import type { Common, KeyCore } from "./KeyCore.js"

/** What is done about a decision that is no key's own. */
type SharedWork = Extract<Work, { _tag: "Elsewhere" | "Gone" | "Over" | "Finish" }>

export class KeyedCore<K, A, E> implements Common<K> {
  /** The keys that are known, by value. */
  readonly known = MutableHashMap.empty<K, KeyCore<K, A, E>>()
  /** All that the allocator may speak of. */
  readonly byId = new Map<number, KeyCore<K, A, E>>()
  readonly events = new Events<KeyedPoolEvent<K>>()
  readonly order = new InOrder<() => void>((act) => act())
  readonly agenda: Agenda<KeyCore<K, A, E>>
  private readonly keeper: Keeper
  private nextId = 0

  constructor(
    readonly settings: KeyedSettings<K, A, E, any>,
    readonly allocator: KeysAllocator,
    readonly time: Time,
    readonly runtime: Runtime.Runtime<any>
  ) {
    this.keeper = new Keeper(
      time,
      (effect) => Runtime.runFork(runtime)(Effect.interruptible(effect), { immediate: false }),
      Effect.suspend(() =>
        Effect.forEach(this.agenda.take(time.now()), (core) => core.commit({ _tag: "Tick" }), { discard: true })
      )
    )
    this.agenda = new Agenda((due) => this.keeper.arm(due))
  }

  /** Every alarm is wrong, and every idle connection suspect. Who is suspected sets its alarm anew. */
  readonly afterJump: Effect.Effect<void> = Effect.suspend(() => {
    this.keeper.clear()
    this.agenda.clear()
    return Effect.forEach([...this.byId.values()], (core) => suspect(core, "Clock"), { discard: true })
  })

  newId(): number {
    return this.nextId++
  }

  find(key: K): KeyCore<K, A, E> | undefined {
    return Option.getOrUndefined(MutableHashMap.get(this.known, key))
  }

  /** Acts on a decision that no key's own input was for. */
  perform(decision: Act): void {
    if (decision.work.length === 0) return
    this.order.submit(decision.order, () => {
      for (const work of decision.work) this.act(work as SharedWork)
    })
  }

  act(work: SharedWork): void {
    switch (work._tag) {
      case "Elsewhere": {
        const core = this.byId.get(work.key)
        if (core === undefined) return
        startAll(core, work.work)
        return core.arm(work.due)
      }
      case "Gone":
        return this.forget(work.key)
      case "Finish":
        return work.ticket.notify({ _tag: "Done" })
      case "Over": {
        this.keeper.stop()
        if (this.events.isObserved) this.events.publish(KeyedPoolEvent.KeyedPoolClosed({ at: this.time.now() }))
        return this.events.end()
      }
    }
  }

  private forget(id: number): void {
    const core = this.byId.get(id)
    this.byId.delete(id)
    this.agenda.drop(id)
    if (core === undefined || this.find(core.key) !== core) return
    MutableHashMap.remove(this.known, core.key)
    if (this.events.isObserved) {
      this.events.publish(KeyedPoolEvent.KeyForgotten({ at: this.time.now(), key: core.key }))
    }
  }
}
