/** Which fault comes when: one after the other, with calm in between. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { ServerError } from "./databases/database.js"
import type { Fault, World } from "./faults/fault.js"
import { boundOf } from "./limits.js"
import type { Workload } from "./workload.js"
import { calm } from "./workload.js"

/** Milliseconds. */
const shortest = 1_000
const longest = 4_000
const calmFor = 1_000
/** When nobody waits for a recovery any more. */
const givenUp = 60_000

export interface Occurrence {
  readonly fault: string
  /** Milliseconds from the start of the run. */
  readonly at: number
  /** How long it was there, in milliseconds. */
  readonly lasted: number
  /** How long it was felt afterwards. Undefined: for as long as anybody looked. */
  readonly recovery: number | undefined
  readonly bound: number
  /** The longest that this process could do nothing meanwhile, in milliseconds: what was felt for longer was also the machine's doing. */
  readonly stalled: number
}

export const isRecovered = ({ bound, recovery }: Occurrence): boolean => recovery !== undefined && recovery <= bound

const watchStalls = Effect.acquireRelease(
  Effect.sync(() => {
    const stalls = monitorEventLoopDelay()
    stalls.enable()
    return stalls
  }),
  (stalls) => Effect.sync(() => stalls.disable())
)

const strike = (world: World, workload: Workload, fault: Fault, began: number) =>
  Effect.gen(function*() {
    const lasts = yield* Random.nextIntBetween(shortest, longest + 1)
    // Of its own: how often it draws is a matter of time, and what comes after it must not depend on that.
    const random = Random.make(yield* Random.nextInt)
    const at = yield* Clock.currentTimeMillis
    const stalls = yield* watchStalls
    workload.enter(fault.name)
    yield* Effect.ensuring(
      Effect.scoped(Effect.zipRight(Effect.withRandom(fault.begin(world), random), Effect.sleep(lasts))),
      // It tries for a time only what may never succeed, and a finalizer cannot be stopped unless it says so.
      Effect.orDie(Effect.interruptible(Effect.suspend(() => fault.end(world))))
    )
    const over = yield* Clock.currentTimeMillis
    const recovery = Option.getOrUndefined(yield* Effect.timeoutOption(workload.recovered, givenUp))
    // Connections of which nobody was told: TCP gives them up in the end, after hours where nobody asks it to be quicker.
    world.proxy.reap()
    workload.enter(calm)
    const occurrence: Occurrence = {
      fault: fault.name,
      at: at - began,
      lasted: over - at,
      recovery,
      bound: boundOf(world.front._tag === "PgBouncer" ? [...fault.leaves, "PgBouncer"] : fault.leaves),
      stalled: Math.round(stalls.max / 1e6)
    }
    return occurrence
  }).pipe(Effect.scoped)

/** Rounds of all faults, each in an order of its own: which one is next. */
export const rounds = (faults: ReadonlyArray<Fault>): Effect.Effect<Fault> => {
  let left: ReadonlyArray<Fault> = []
  return Effect.gen(function*() {
    if (left.length === 0) left = Chunk.toReadonlyArray(yield* Random.shuffle(faults))
    const [next, ...others] = left
    left = others
    return next!
  })
}

/** One fault after the other, until `isOver` or a recovery never came. */
export const run = (
  world: World,
  workload: Workload,
  next: Effect.Effect<Fault>,
  began: number,
  isOver: Effect.Effect<boolean>,
  onFault: (name: string) => void
): Effect.Effect<ReadonlyArray<Occurrence>, ServerError> =>
  Effect.gen(function*() {
    const all: Array<Occurrence> = []
    const isLast = Effect.map(isOver, (over) => over || all.some(({ recovery }) => recovery === undefined))
    yield* Effect.sleep(calmFor)
    while (!(yield* isLast)) {
      const fault = yield* next
      onFault(fault.name)
      all.push(yield* strike(world, workload, fault, began))
      onFault(calm)
      yield* Effect.sleep(calmFor)
    }
    return all
  })
