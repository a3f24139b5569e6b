/** Callers that move money until they are told to stop, and what each of them was told. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { accounts } from "./bank.js"
import type { Call, Transfer } from "./judge.js"
import type { Outcome } from "./outcome.js"
import type { Way } from "./ways/way.js"

const callers = 200
/** Milliseconds between two calls of a caller, at most. */
const longestPause = 150
const interruptedInHundred = 10
/** Milliseconds until a call is interrupted, at most: most of them early, some when others have given up long since. */
const patience = [20, 20, 20, 2_000] as const

/** In a row, of callers that asked when the fault was over, for the pool to have recovered. */
const goodInARow = 20

/** What is going on: the name of a fault, or calm. */
export type Period = string

export const calm: Period = "calm"

export interface Ended extends Call {
  /** The fault that was there when it ended; where there was none any more, when it began. */
  readonly period: Period
  /** The name of the way. */
  readonly way: string
}

/** Its caller has left: what became of it is asked when all is over. */
interface Left extends Omit<Ended, "outcome"> {
  readonly outcome: () => Outcome
}

interface Watch {
  readonly since: number
  readonly recovered: Deferred.Deferred<number>
  inARow: number
}

export interface Workload {
  readonly enter: (period: Period) => void
  /** Milliseconds from now until so many calls that begin from now on have committed, one after the other. */
  readonly recovered: Effect.Effect<number>
  /** No more calls; waits for those that there are. */
  readonly stop: Effect.Effect<void>
  /** Those that have ended. To be asked once, when nothing is under way any more. */
  readonly calls: Effect.Effect<ReadonlyArray<Ended>>
}

const draw = (id: number): Effect.Effect<Transfer> =>
  Effect.gen(function*() {
    const from = yield* Random.nextIntBetween(1, accounts + 1)
    const other = yield* Random.nextIntBetween(1, accounts)
    const amount = yield* Random.nextIntBetween(1, 100)
    return { id, from, to: other < from ? other : other + 1, amount }
  })

/** Milliseconds; undefined for a caller that waits for the end. */
const drawPatience: Effect.Effect<number | undefined> = Effect.gen(function*() {
  if ((yield* Random.nextIntBetween(0, 100)) >= interruptedInHundred) return undefined
  const most = patience[yield* Random.nextIntBetween(0, patience.length)]!
  return yield* Random.nextIntBetween(0, most)
})

/** Each caller has one of the ways, and draws from a sequence of its own, whatever the others do. */
export const start = (
  ways: ReadonlyArray<Way>,
  seed: string,
  newId: () => number
): Effect.Effect<Workload, never, Scope.Scope> =>
  Effect.gen(function*() {
    const ended: Array<Ended | Left> = []
    let period = calm
    let isStopped = false
    let watch: Watch | undefined

    const observe = (began: number, now: number, outcome: Outcome, patience: number | undefined) => {
      // Who has left by its own wish says nothing of the pool.
      if (watch === undefined || began < watch.since || (patience !== undefined && outcome._tag !== "Committed")) return
      watch.inARow = outcome._tag === "Committed" ? watch.inARow + 1 : 0
      if (watch.inARow < goodInARow) return
      Deferred.unsafeDone(watch.recovered, Effect.succeed(now - watch.since))
      watch = undefined
    }

    const call = (way: Way) =>
      Effect.gen(function*() {
        const transfer = yield* draw(newId())
        const patience = yield* drawPatience
        const beganIn = period
        const began = yield* Clock.currentTimeMillis
        const fiber = yield* Effect.fork(way.ask(transfer))
        const end = Fiber.await(fiber)
        const exit = yield* patience === undefined
          ? end
          : Effect.flatMap(Effect.timeoutOption(end, patience), () => Fiber.interrupt(fiber))
        const told = { ...transfer, way: way.name, period: period === calm ? beganIn : period }
        if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) {
          ended.push({ ...told, outcome: () => way.left(transfer.id) })
          return
        }
        const outcome = Exit.getOrElse(exit, (cause): Outcome => ({ _tag: "Unexpected", what: Cause.pretty(cause) }))
        ended.push({ ...told, outcome })
        observe(began, yield* Clock.currentTimeMillis, outcome, patience)
      })

    const caller = (way: Way) =>
      Effect.gen(function*() {
        while (!isStopped) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, longestPause))
          yield* call(way)
        }
      })
    const fibers = yield* Effect.forEach(
      Array.from({ length: callers }, (_, index) => index),
      // An array's hash is another one in each process.
      (index) =>
        Effect.forkScoped(Effect.withRandom(caller(ways[index % ways.length]!), Random.make(`${seed} ${index}`)))
    )

    return {
      enter: (next) => {
        period = next
      },
      recovered: Effect.gen(function*() {
        const since = yield* Clock.currentTimeMillis
        const recovered = yield* Deferred.make<number>()
        watch = { since, recovered, inARow: 0 }
        return yield* Deferred.await(recovered)
      }),
      stop: Effect.suspend(() => {
        isStopped = true
        return Effect.asVoid(Fiber.joinAll(fibers))
      }),
      calls: Effect.sync(() =>
        ended.map((call) => ({ ...call, outcome: typeof call.outcome === "function" ? call.outcome() : call.outcome }))
      )
    }
  })
