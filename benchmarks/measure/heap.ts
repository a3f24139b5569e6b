/** The heap that waiters take, in a process that does nothing else. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { median } from "simple-statistics"
import { settings } from "../cases/loops.js"
import { ended, holders, promiseQueue, queue } from "../cases/queue.js"
import { bareFibers, barePromises } from "../contenders/controls.js"
import type { Contender } from "../model.js"
import type { Heap, Message } from "./protocol.js"

interface Weight {
  readonly bytes: number
  readonly timers: number
}

/** Waits for what is about to end, and collects what nobody holds. */
const settle = Effect.gen(function*() {
  for (let i = 0; i < 2; i++) {
    yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    globalThis.gc?.()
  }
})

const used = Effect.map(settle, () => process.memoryUsage().heapUsed)

const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length

/** Lets so many wait, weighs them, and lets them go. */
type Weigh = (waiters: number) => Effect.Effect<Weight, unknown>

const weigh = (contender: Contender): Effect.Effect<Weigh, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const compare = <A>(waiters: number, wait: Effect.Effect<A>, end: (waiting: A) => Effect.Effect<unknown>) =>
      Effect.gen(function*() {
        const before = { heap: yield* used, timers: timers() }
        const waiting = yield* wait
        const during = { heap: yield* used, timers: timers() }
        yield* end(waiting)
        return { bytes: (during.heap - before.heap) / waiters, timers: during.timers - before.timers }
      })
    switch (contender._tag) {
      case "Effect": {
        const use = yield* contender.make(settings(holders))
        return (waiters) => compare(waiters, queue(use, waiters), (all) => Effect.zipRight(all.open, ended(all)))
      }
      case "Promise": {
        const pool = yield* contender.make(settings(holders))
        return (waiters) =>
          compare(waiters, Effect.promise(() => promiseQueue(pool, waiters)), (all) =>
            Effect.promise(() => {
              all.open()
              return Promise.all(all.waiters)
            }))
      }
      case "Server":
        return yield* Effect.dieMessage(`Bug in the benchmarks: ${contender.name} has no waiters to weigh`)
    }
  })

export const weighAll = (
  contenders: ReadonlyArray<Contender>,
  name: string,
  sizes: ReadonlyArray<number>,
  repeats: number,
  tell: (message: Message) => Effect.Effect<void>
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const find = (name: string) => contenders.find((contender) => contender.name === name) as Contender
    const contender = find(name)
    const own = yield* weigh(contender)
    const control = yield* weigh(find(contender._tag === "Effect" ? bareFibers : barePromises))
    for (const size of sizes) {
      const entry = { contender: name, size }
      const trying = tell({ _tag: "Trying", ...entry })
      yield* trying
      // What is compiled, and kept from then on, is not theirs.
      yield* control(200)
      yield* own(200)
      const bare: Array<number> = []
      const all: Array<Weight> = []
      // Many enough are their own average.
      for (let i = 0; i < (size >= 100_000 ? 1 : repeats); i++) {
        yield* trying
        bare.push((yield* control(size)).bytes)
        yield* trying
        all.push(yield* own(size))
      }
      const heap: Heap = {
        bytes: median(all.map(({ bytes }) => bytes)),
        bare: median(bare),
        timers: median(all.map(({ timers }) => timers))
      }
      yield* tell({ _tag: "Weighed", heap, ...entry })
    }
  })
