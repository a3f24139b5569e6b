/**
 * Operators: they resize the pool, clear it, recycle, suspend and resume it, drain and close it, in any order, at the same time, and are
 * interrupted.
 *
 * Promises: an operation takes no time, but for those that wait for the end, and those have it then; it is refused exactly by a pool
 * that closes; what it says is so when it is committed; a suspension ends when its time is over; each beginning and end of one is
 * told.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { stepsOf, workOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial, inUse, isClosing } from "../../../packages/core/src/allocator/state.js"
import type { FakePool } from "../../support/pool.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"

interface Operation {
  readonly at: number
  readonly does: keyof typeof operations
  /** A size or a time, whichever it needs. */
  readonly size: number
  readonly time: number
  readonly isGentle: boolean
  /** In milliseconds; -1: not. */
  readonly interruptAt: number
}

type Does = (pool: FakePool, operation: Operation) => Effect.Effect<void, { readonly _tag: string }>

const operations = {
  resize: (pool, { size }) => pool.resize({ maxSize: size }),
  resizeAll: (pool, { isGentle, size }) => pool.resize({ maxSize: size, minSize: isGentle ? 0 : 1, minIdle: size - 1 }),
  clear: (pool, { isGentle }) => pool.clear({ abortLeases: !isGentle }),
  recycle: (pool, { time }) => pool.recycle({ within: time }),
  suspend: (pool, { isGentle }) => pool.suspend({ newcomers: isGentle ? "wait" : "refuse" }),
  suspendFor: (pool, { isGentle, time }) => pool.suspend({ newcomers: isGentle ? "wait" : "refuse", duration: time }),
  resume: (pool) => pool.resume,
  drain: (pool) => pool.drain,
  close: (pool, { time }) => pool.close({ deadline: time })
} as const satisfies Record<string, Does>

const outcome = (
  { allocator, broken, isPunctual }: Stage,
  { does, time }: Operation,
  took: number,
  exit: Exit.Exit<void, { readonly _tag: string }>
) =>
  Effect.map(allocator.snapshot, (state) => {
    if (Exit.isFailure(exit)) {
      if (Cause.isInterrupted(exit.cause)) return
      const isRefused = Cause.isFailType(exit.cause) && exit.cause.error._tag === "PoolClosed"
      if (!isRefused || !isClosing(state)) broken(`${does} failed: ${Cause.pretty(exit.cause)}`)
      return
    }
    const waits = does === "drain" || does === "close"
    if (waits && state.phase._tag !== "Closed") broken(`${does} has ended, and the pool is ${state.phase._tag}`)
    const most = does === "close" ? time : does === "drain" ? Infinity : 0
    if (isPunctual && took > most) broken(`${does} took ${took} ms, and may take ${most} ms`)
  })

/** What an operation has left. */
const brokenOutcomes = (step: Step): ReadonlyArray<string> => {
  const { before, decision, input, state } = step
  if (decision._tag !== "Act") return []
  switch (input._tag) {
    case "Resize": {
      const { rules } = state
      const kept = Object.entries(input.sizes).every(([key, size]) => rules[key as keyof typeof input.sizes] === size)
      return kept ? [] : ["a resize has left other sizes than it said"]
    }
    case "Clear": {
      const known = new Set(inUse(before).map(({ connection: { id } }) => id))
      const left = inUse(state).filter(({ condemned, connection: { id } }) => known.has(id) && condemned === undefined)
      const aborted = workOf(step).filter(({ _tag }) => _tag === "Abort").length
      const toAbort = OrderedMap.values(before.leased).filter(({ overdue }) => overdue !== "aborted").length
      return [
        ...left.length > 0 ? [`a clear has left ${left.length} connections in use as they were`] : [],
        ...input.abortLeases && aborted < toAbort ? [`a clear has aborted ${aborted} of ${toAbort} leases`] : []
      ]
    }
    case "Suspend":
      return state.phase._tag === (before.phase._tag === "Draining" ? state.phase._tag : "Suspended") ||
          input.until <= input.now
        ? []
        : [`a suspend has left the pool ${state.phase._tag}`]
    case "Resume":
      return state.phase._tag === "Suspended" ? ["a resume has left the pool suspended"] : []
    case "Drain":
    case "Shutdown":
      return state.phase._tag === "Draining" || isClosing(state)
        ? []
        : [`a ${input._tag} has left the pool ${state.phase._tag}`]
    case "Tick":
      return state.phase._tag === "Suspended" && state.phase.until <= input.now
        ? ["a suspension goes on though its time is over"]
        : []
    default:
      return []
  }
}

/** Whoever reads the events knows whether the pool is suspended. */
const untold = (step: Step): ReadonlyArray<string> => {
  const { before, input, state } = step
  const told = workOf(step).flatMap((work) => work._tag === "Announce" ? [work.announcement._tag] : [])
  const isEnd = before.phase._tag === "Suspended" && state.phase._tag === "Running"
  const isBeginning = input._tag === "Suspend" && state.phase._tag === "Suspended"
  return [
    ...isEnd && !told.includes("PoolResumed") ? ["a suspension has ended, and nobody was told"] : [],
    ...isBeginning && !told.includes("PoolSuspended") ? ["a suspension has begun, and nobody was told"] : []
  ]
}

/** Where an operator may come between. */
const count = { operations: 6, closing: 2, crowd: 1, calm: 0 } as Record<string, number>

export const operators = capability<Operation>({
  name: "operation",
  count: (profile, numbers) =>
    profile === "operations"
      ? 2 + numbers.below(6)
      : numbers.chance(0.3)
      ? numbers.below(1 + (count[profile] ?? 2))
      : 0,
  draw: (numbers) => ({
    at: numbers.below(90),
    does: numbers.pick([
      "resize",
      "resize",
      "resizeAll",
      "clear",
      "clear",
      "recycle",
      "recycle",
      "suspend",
      "suspendFor",
      "suspendFor",
      "resume",
      "resume",
      "drain",
      "close"
    ]),
    size: 1 + numbers.below(4),
    time: numbers.below(60),
    isGentle: numbers.chance(0.6),
    interruptAt: numbers.chance(0.3) ? numbers.below(100) : -1
  }),
  run: (stage, operation) =>
    Effect.gen(function*() {
      const { does, interruptAt } = operation
      const call: Does = operations[does]
      yield* Effect.sleep(operation.at)
      const elapsed = () => stage.world.time - stage.skew.by
      const began = elapsed()
      stage.tell(`an operator says ${does}`)
      const fiber = yield* Effect.forkDaemon(call(stage.pool, operation))
      const interrupter = yield* Effect.forkDaemon(
        interruptAt >= 0 ? Effect.delay(Fiber.interrupt(fiber), interruptAt) : Effect.void
      )
      const exit = yield* Fiber.await(fiber)
      yield* outcome(stage, operation, elapsed() - began, exit)
      yield* Fiber.interrupt(interrupter)
    }),
  check: ({ history, settings: { rules } }: Finished) =>
    stepsOf(initial(rules), history).flatMap((step) => [...brokenOutcomes(step), ...untold(step)])
})
