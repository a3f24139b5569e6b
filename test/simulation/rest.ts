/** The promises of the core: after every commit, over the whole history, and when all is over. */
import type { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { Allocator, Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { nextDue } from "../../packages/core/src/allocator/upkeep.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { FakePool } from "../support/pool.js"
import type { World } from "../support/schedulers.js"
import type { Stage } from "./stage.js"

/** How often somebody asks again at rest: what is left of the faults is met first. */
const TRIES = 30

/** In milliseconds. */
const MOMENT = 97

/** Longer than the longest back-off, in milliseconds. */
const PATIENCE = 6_000

const open = (pool: FakePool): Effect.Effect<number> =>
  Effect.map(
    pool.stats,
    ({ checking, idle, leased, opening, resetting }) => idle + leased + checking + resetting + opening
  )

/** A suspension whose time is over has ended, whether anybody came or not. */
const overdueSuspension = (allocator: Allocator, broken: (problem: string) => void): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { phase } = yield* allocator.snapshot
    const now = yield* Clock.currentTimeMillis
    if (phase._tag === "Suspended" && phase.until < now) broken(`a suspension is over by ${now - phase.until} ms`)
  })

/** Nobody holds or waits, and all of the capacity can be had at once. */
export const atRest = ({ allocator, broken, isPunctual, pool }: Stage): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { phase: { _tag }, rules } = yield* allocator.snapshot
    if (_tag === "Draining") broken("a pool that drains has not ended, and nobody holds or waits")
    yield* overdueSuspension(allocator, isPunctual ? broken : () => {})
    yield* Effect.ignore(pool.resume)
    const { leased, phase: before, waiting } = yield* pool.stats
    if (before !== "running") return
    // Where nobody may wait, who comes while a connection is being replaced is refused, and comes again.
    const lease = Effect.retry(
      Effect.sandbox(pool.lease({ acquireTimeout: PATIENCE, exclusive: true })),
      { times: TRIES, schedule: Schedule.spaced(MOMENT) }
    )
    const wanted = Math.min(rules.maxSize, rules.maxWaiters + 1)
    const all = yield* Effect.exit(
      Effect.scoped(Effect.all(Array.from({ length: wanted }, () => lease), { concurrency: "unbounded" }))
    )
    const { phase } = yield* pool.stats
    // It may have been closed by now, before anybody looked or while somebody did.
    if (phase !== "running") return
    if (leased > 0) broken(`${leased} leased at rest`)
    if (waiting > 0) broken(`${waiting} waiting at rest`)
    if (Exit.isFailure(all)) broken(`capacity is lost: ${Cause.pretty(all.cause)}`)
    // A refill may wait for a back-off, or for the close of what it replaces.
    const least = Math.min(rules.maxSize, Math.max(rules.minSize, rules.minIdle))
    for (let waited = 0; (yield* open(pool)) < least; waited += MOMENT) {
      if (waited > PATIENCE) return broken(`${yield* open(pool)} open at rest, of at least ${least}`)
      yield* Effect.sleep(MOMENT)
    }
  })

/**
 * How many closes of connections that the pool has never seen were given up on (docs/decisions/0008): nobody can abort these, and
 * the server keeps their sessions for longer than the pool counts them.
 */
const unseen = (history: ReadonlyArray<Entry>): number => {
  const seen = new Set(history.flatMap(({ input }) => input._tag === "Opened" ? [input.id] : []))
  return history.filter(({ input }) => input._tag === "Closed" && input.aborted && !seen.has(input.id)).length
}

/** What should be gone and is not. */
export const leftovers = (
  world: World,
  { alive, closing, mostAlive, opened }: FakeConnector.Counts,
  history: ReadonlyArray<Entry>
): ReadonlyArray<string> => {
  const last = history.at(-1)?.state
  const maxSize = Math.max(0, ...history.map(({ state: { rules } }) => rules.maxSize))
  return [
    // Who is interrupted before the first commit has made no pool.
    ...last === undefined || last.phase._tag === "Closed" ? [] : ["the pool is not closed in the end"],
    ...opened === closing ? [] : [`opened ${opened}, closed ${closing}`],
    ...alive === 0 ? [] : [`${alive} sessions are left on the server`],
    ...mostAlive <= maxSize + unseen(history) ? [] : [`${mostAlive} sessions at one time`],
    // The program's own fiber still runs.
    ...world.alive === 1 ? [] : [`${world.alive - 1} fibers are left`],
    ...world.timers === 0 ? [] : [`${world.timers} timers are left`]
  ]
}

/**
 * The invariants. Where time has passed what a Tick is due at, the Tick is on its way: who waits for it may. Where time goes
 * on while somebody is ready, a commit may come after one that knew a later time: it does not see what has become due since.
 */
export const brokenStates = (
  rules: Rules,
  history: ReadonlyArray<Entry>,
  isHasty: boolean
): ReadonlyArray<string> => {
  let due = Infinity
  let latest = -Infinity
  const states = history.flatMap(({ input, state }) => {
    const isTick = input._tag === "Tick"
    const isLate = (!isTick && due <= input.now) || (isHasty && input.now < latest)
    latest = Math.max(latest, input.now)
    due = Math.min(isTick ? Infinity : due, nextDue(state, input.now))
    return brokenBy(state, input.now).filter((problem) => !(isLate && problem.startsWith("invariant 5")))
  })
  return [...states, ...brokenIn(initial(rules), history)]
}
