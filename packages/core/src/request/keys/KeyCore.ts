/** One key of a keyed pool from the inside: a pool that has its own connections and queue, and shares everything else with the other keys. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Runtime from "effect/Runtime"
import type { Allocator } from "../../allocator/Allocator.js"
import type { Act, Refuse, Work } from "../../allocator/decision.js"
import type { KeysAllocator } from "../../allocator/keys/KeysAllocator.js"
import type { PoolEvent } from "../../model/events.js"
import { KeyedPoolEvent } from "../../model/keyed.js"
import type { Settings } from "../../model/settings.js"
import type { Resource } from "../../resource/Resource.js"
import { commit } from "../commit.js"
import type { Core, Elsewhere, Publisher, Timeless } from "../core.js"
import type { Events } from "../events.js"
import type { InOrder } from "../InOrder.js"
import { startAll } from "../perform.js"
import type { Time } from "../Time.js"
import type { Agenda } from "./Agenda.js"

/** What all keys have in common, as one of them sees it. */
export interface Common<K> {
  readonly allocator: KeysAllocator
  readonly time: Time
  readonly runtime: Runtime.Runtime<any>
  readonly afterJump: Effect.Effect<void>
  readonly events: Events<KeyedPoolEvent<K>>
  readonly order: InOrder<() => void>
  readonly agenda: Agenda<KeyCore<any, any, any>>
  readonly act: (work: Elsewhere) => void
}

export class KeyCore<K, A, E> implements Core<A, E>, Publisher {
  readonly resources = new Map<number, Resource<A, E, any>>()
  readonly workers = new Map<number, Fiber.RuntimeFiber<unknown>>()
  readonly allocator: Allocator

  constructor(
    readonly all: Common<K>,
    readonly key: K,
    readonly id: number,
    readonly settings: Settings<A, E, any>
  ) {
    this.allocator = all.allocator.of(id, settings.rules)
  }

  get time() {
    return this.all.time
  }

  get runtime() {
    return this.all.runtime
  }

  get afterJump() {
    return this.all.afterJump
  }

  /** Nobody asks for connections of a key and of others at once. */
  get gather() {
    return Effect.void
  }

  // What a pool has of its own and a key only in part is the key itself, and no object more.

  get keeper() {
    return this
  }

  arm(due: number): void {
    if (due < Infinity) this.all.agenda.put(this.id, this, due)
  }

  stop(): void {
    this.all.agenda.drop(this.id)
  }

  get work() {
    return this
  }

  submit(order: number, work: ReadonlyArray<Work>): void {
    this.all.order.submit(order, () => startAll(this, work))
  }

  get events() {
    return this
  }

  get isObserved(): boolean {
    return this.all.events.isObserved
  }

  publish(event: PoolEvent): void {
    const { key } = this
    this.all.events.publish(KeyedPoolEvent.KeyEvent({ at: event.at, key, event }))
  }

  /** There are other keys. */
  end(): void {}

  elsewhere(work: Elsewhere): void {
    this.all.act(work)
  }

  commit(input: Timeless): Effect.Effect<Act | Refuse> {
    return commit(this, input)
  }
}
