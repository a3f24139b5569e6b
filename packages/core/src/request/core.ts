/** What the parts of the request layer share: one pool from the inside. */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Runtime from "effect/Runtime"
import type { Allocator } from "../allocator/Allocator.js"
import type { Act, Input, Refuse, Work } from "../allocator/decision.js"
import type { PoolEvent } from "../model/events.js"
import type { Settings } from "../model/settings.js"
import type { Resource } from "../resource/Resource.js"
import type { InOrder } from "./InOrder.js"
import type { Keeper } from "./Keeper.js"
import type { Time } from "./Time.js"

/** An input that still has to be given the time. */
export type Timeless<I = Exclude<Input, { _tag: "Take" | "Claim" }>> = I extends unknown ? Omit<I, "now"> : never

/** Where events go. */
export interface Publisher {
  /** Whether anyone listens: ask before building an event. */
  readonly isObserved: boolean
  readonly publish: (event: PoolEvent) => void
  readonly end: () => void
}

/** What was decided for other keys of a keyed pool. */
export type Elsewhere = Extract<Work, { _tag: "Elsewhere" | "Gone" | "Over" }>

export interface Core<A, E> {
  readonly settings: Settings<A, E, any>
  readonly allocator: Allocator
  readonly time: Time
  /** The context and FiberRefs that the pool was made with: every step of a connection runs in them. */
  readonly runtime: Runtime.Runtime<any>
  /** The connections by their ids in the allocator's state. An address book: it decides nothing. */
  readonly resources: Map<number, Resource<A, E, any>>
  /** The step that each connection is busy with, if any. */
  readonly workers: Map<number, Fiber.RuntimeFiber<unknown>>
  readonly keeper: Pick<Keeper, "arm" | "stop">
  readonly events: Publisher
  /** Starts the work of decisions, in the order of their commits. */
  readonly work: Pick<InOrder<ReadonlyArray<Work>>, "submit">
  /** Does what was decided for other keys. */
  readonly elsewhere: (work: Elsewhere) => void
  /** What is to be done where time has jumped: no alarm is right any more, and what is idle is suspect. */
  readonly afterJump: Effect.Effect<void>
  /** Looks after those that wait for connections of this pool and of others at once. */
  readonly gather: Effect.Effect<void>
  /** Commits an input and acts on the decision, as one uninterruptible step. */
  readonly commit: (input: Timeless) => Effect.Effect<Act | Refuse>
}

export const now = (core: Pick<Core<any, any>, "time">): number => core.time.now()

/** Publishes an event, which is built only if anyone listens. */
export const publish = (core: Core<any, any>, event: (at: number) => PoolEvent): void => {
  if (core.events.isObserved) core.events.publish(event(now(core)))
}
