/** Lets requests come at their times, whatever became of those before, and leave when their patience is over. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Contender } from "./contenders.js"
import { isRefusal } from "./contenders.js"
import type { End, Outcomes } from "./outcomes.js"

/** What a caller does whose patience is over. */
type Leave = () => void

/** Runs the handler once, and says how it ended. */
type Handle = (ended: (end: End, error?: unknown) => void) => Leave

const endOf = (error: unknown): End => isRefusal(error) ? "Refused" : "Failed"

export const open = (contender: Contender, url: string): Effect.Effect<Handle, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    switch (contender._tag) {
      case "Effect": {
        const handler = yield* contender.make(url)
        const run = Runtime.runFork(yield* Effect.runtime<never>())
        return (ended) => {
          const fiber = run(handler)
          fiber.addObserver((exit) => {
            if (Exit.isSuccess(exit)) return ended("Answered")
            const error = Cause.squash(exit.cause)
            ended(endOf(error), error)
          })
          return () => fiber.unsafeInterruptAsFork(FiberId.none)
        }
      }
      case "Promise": {
        const handler = yield* contender.make(url)
        return (ended) => {
          handler().then(() => ended("Answered"), (error: unknown) => ended(endOf(error), error))
          return () => {}
        }
      }
    }
  })

/** So many callers ask again and again, each when it has its answer. They do not leave. */
export const warmUp = (handle: Handle, callers: number, seconds: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    const end = performance.now() + seconds * 1_000
    let left = callers
    const call = (): void => {
      if (performance.now() < end) handle(call)
      else if (--left === 0) resume(Effect.void)
    }
    for (let caller = 0; caller < callers; caller++) call()
  })

/** The process at a moment. */
export interface Sample {
  /** In milliseconds after the first request may come. */
  readonly at: number
  /** Microseconds of the processor, since the process began. */
  readonly cpu: number
  readonly heap: number
  /** Handlers that have begun and not ended, whether or not somebody still waits for them. */
  readonly unended: number
  /** How late a request began at the most, in milliseconds, since the last sample: the process had something else to do. */
  readonly late: number
}

export interface Run {
  readonly samples: ReadonlyArray<Sample>
  /** Of the first handler that failed for another reason than that it was refused. */
  readonly failure?: string
}

const sampledEvery = 1_000

/** Until `end`, in milliseconds after it began. It cannot be interrupted: its process is ended. */
export const drive = (outcomes: Outcomes, patience: number, handle: Handle, end: number): Effect.Effect<Run> =>
  Effect.async((resume) => {
    const { arrivals } = outcomes
    const began = performance.now()
    const waiting = new Map<number, Leave>()
    const samples: Array<Sample> = []
    let failure: string | undefined
    let unended = 0
    let late = 0
    let next = 0
    /** All before it have ended. Patience is the same for all, so who came first leaves first. */
    let oldest = 0

    const begin = (request: number): void => {
      unended++
      const leave = handle((end, error) => {
        unended--
        waiting.delete(request)
        if (end === "Failed" && !outcomes.hasEnded(request)) failure ??= String(error)
        outcomes.end(request, performance.now() - began, end)
      })
      if (!outcomes.hasEnded(request)) waiting.set(request, leave)
    }

    const tick = (): void => {
      const now = performance.now() - began
      for (; next < arrivals.length && arrivals[next]! <= now; next++) {
        late = Math.max(late, now - arrivals[next]!)
        // Else its caller has left before this process came to it.
        if (arrivals[next]! + patience > now) begin(next)
      }
      for (; oldest < next && (outcomes.hasEnded(oldest) || arrivals[oldest]! + patience <= now); oldest++) {
        outcomes.end(oldest, now, "Left")
        waiting.get(oldest)?.()
        waiting.delete(oldest)
      }
      if (now >= samples.length * sampledEvery) {
        const { system, user } = process.cpuUsage()
        samples.push({ at: now, cpu: system + user, heap: process.memoryUsage().heapUsed, unended, late })
        late = 0
      }
      if (now >= end) return resume(Effect.succeed({ samples, ...failure === undefined ? {} : { failure } }))
      setTimeout(tick, 1)
    }
    tick()
  })
