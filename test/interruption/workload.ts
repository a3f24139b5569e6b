/**
 * One seed's run: a pool with random options, a server with random faults, callers that use, get, time out, are interrupted and
 * die, connections that are killed, and a pool that is closed in the middle of it or afterwards, in a world that takes turns and
 * preempts at random.
 */
import type { AcquireError } from "@cenote/core/PoolError"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { nextDue } from "../../packages/core/src/allocator/upkeep.js"
import { decode } from "../../packages/core/src/model/settings.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"
import type { FakePool } from "../support/pool.js"
import { isTold, Numbers, shuffled, World } from "../support/schedulers.js"
import { project } from "./projection.js"

/** Longer than any step of a connection, in milliseconds. */
const LONG = 60

/** How many runs of each step are ruled by chance; those that come after are well. */
const FAULTS = 12

export interface Run {
  /** What went wrong. */
  readonly problems: ReadonlyArray<string>
  /** What happened, as plain data. */
  readonly trace: ReadonlyArray<unknown>
}

const tuningOf = (numbers: Numbers): PoolOptions.Tuning => {
  const maxSize = 1 + numbers.below(3)
  return {
    maxSize,
    minSize: numbers.chance(0.3) ? 1 : 0,
    maxConnecting: 1 + numbers.below(2),
    maxWaiters: numbers.pick([Infinity, Infinity, 3]),
    whenDown: numbers.pick(["fail", "wait"]),
    order: numbers.pick(["lifo", "fifo"]),
    startup: numbers.pick(["lazy", "lazy", "probe", "fill"]),
    maxUses: numbers.pick([Infinity, Infinity, 2]),
    checkAfterIdle: numbers.pick([0, 5, 1_000]),
    acquireTimeout: numbers.pick([20, 50, 200]),
    connectTimeout: 30,
    checkTimeout: 10,
    resetTimeout: 15,
    closeTimeout: 20,
    shutdownTimeout: numbers.pick([30, 100]),
    keepalive: numbers.pick([15, 5_000]),
    idleTimeout: numbers.pick([25, 60_000]),
    maxLifetime: numbers.pick([60, 60_000])
  }
}

const behaviourOf = (numbers: Numbers, sticks: boolean): FakeConnector.Behaviour => {
  const time = 1 + numbers.below(20)
  switch (numbers.below(12)) {
    case 0:
      return FakeConnector.fail()
    case 1:
      return FakeConnector.die()
    case 2:
      return FakeConnector.hang
    case 3:
      return sticks ? FakeConnector.stick : FakeConnector.slow(time, FakeConnector.fail())
    case 4:
    case 5:
    case 6:
      return FakeConnector.slow(time)
    default:
      return FakeConnector.ok
  }
}

class Told extends Data.TaggedError("Told") {
  override readonly message = "told to die"
}

type Body = (connection: FakeConnector.FakeConnection) => Effect.Effect<void, Told>

/** How a caller gets a connection, and gives it back. */
export type Way = (
  pool: FakePool,
  body: Body,
  options: PoolOptions.AcquireOptions | undefined
) => Effect.Effect<void, Told | FakeConnector.FakeError | AcquireError>

/** What the pool offers. */
export const ways: ReadonlyArray<Way> = [
  (pool, body, options) => pool.use(body, options),
  (pool, body) => Effect.scoped(Effect.flatMap(pool.get, body)),
  (pool, body, options) => Effect.scoped(Effect.flatMap(pool.lease(options), (lease) => body(lease.connection)))
]

/** What one caller does; and, from outside of the pool, whether anybody else does it with the same connection. */
const caller = (
  numbers: Numbers,
  pool: FakePool,
  ways: ReadonlyArray<Way>,
  holders: Set<number>,
  problems: Array<string>
) => {
  const [start, hold, patience] = [numbers.below(40), numbers.below(15), numbers.below(40)]
  const end = numbers.pick([
    Effect.void,
    Effect.void,
    Effect.yieldNow(),
    Effect.fail(new Told()),
    Effect.die(new Told())
  ])
  const mood = numbers.pick(["", "", "", "dirty", "invalidate"] as const)
  const body: Body = (connection) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        if (holders.has(connection.id)) problems.push(`connection ${connection.id} has two holders`)
        holders.add(connection.id)
      }),
      () => {
        if (mood === "dirty") connection.dirty()
        const before = mood === "invalidate" ? pool.invalidate(connection) : Effect.void
        return before.pipe(Effect.zipRight(Effect.sleep(hold)), Effect.zipRight(end))
      },
      () => Effect.sync(() => holders.delete(connection.id))
    )
  const options = numbers.chance(0.3) ? { acquireTimeout: numbers.below(30) } : undefined
  const call = numbers.pick(ways)(pool, body, options)
  const repeated = Effect.forEach([1, 2].slice(numbers.below(2)), () => call, { discard: true })
  return Effect.delay(numbers.chance(0.3) ? Effect.timeout(repeated, patience) : repeated, start)
}

const wrongExit = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<string> =>
  Exit.isSuccess(exit) || [...Cause.defects(exit.cause)].every(isTold)
    ? []
    : [`a caller died: ${Cause.pretty(exit.cause)}`]

const outcome = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit)
    ? "Success"
    : Cause.isInterruptedOnly(exit.cause)
    ? "Interrupted"
    : Option.match(Cause.failureOption(exit.cause), { onNone: () => "Died", onSome: ({ _tag }) => _tag })

/** Nobody holds or waits, and all of the capacity is there at once. */
const atRest = (pool: FakePool, maxSize: number) =>
  Effect.gen(function*() {
    const { leased, waiting } = yield* pool.stats
    // What is left of the faults is met first.
    const lease = Effect.retry(Effect.sandbox(pool.lease({ acquireTimeout: 5_000 })), { times: FAULTS })
    const leases = Array.from({ length: maxSize }, () => lease)
    const all = yield* Effect.exit(Effect.scoped(Effect.all(leases, { concurrency: "unbounded" })))
    return [
      ...leased === 0 ? [] : [`${leased} leased at rest`],
      ...waiting === 0 ? [] : [`${waiting} waiting at rest`],
      ...Exit.isSuccess(all) ? [] : [`capacity is lost: ${Cause.pretty(all.cause)}`]
    ]
  })

/** What is wrong with the states. Where time has passed what a Tick is due at, the Tick is on its way: who waits for it may. */
const brokenStates = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => {
  let due = Infinity
  return entries.flatMap(({ input, state }) => {
    const isTick = input._tag === "Tick"
    const isLate = !isTick && due <= input.now
    due = Math.min(isTick ? Infinity : due, nextDue(state, input.now))
    return brokenBy(state, input.now).filter((problem) => !(isLate && problem.startsWith("invariant 5")))
  })
}

const program = (numbers: Numbers, isPunctual: boolean, ways: ReadonlyArray<Way>): Effect.Effect<Run> =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make({ onLost: numbers.chance(0.7), alwaysReset: numbers.chance(0.2) })
    const sticks = numbers.chance(0.3)
    for (const step of ["open", "check", "ping", "reset", "close"] as const) {
      yield* fake.next(step, ...Array.from({ length: FAULTS }, () => behaviourOf(numbers, sticks)))
    }
    const options = { ...tuningOf(numbers), connector: fake.connector }
    const { rules, shutdownTimeout } = yield* Effect.orDie(decode(options))
    const history = yield* TRef.make(List.empty<Entry>())
    const scope = yield* Scope.make()
    const problems: Array<string> = []
    const outcomes: Array<string> = []
    const made = yield* Effect.exit(Scope.extend(make(options, history), scope))
    const close = Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      yield* Scope.close(scope, Exit.void)
      const took = (yield* Clock.currentTimeMillis) - began
      if (isPunctual && took > shutdownTimeout) problems.push(`closing took ${took} ms`)
    })
    if (Exit.isSuccess(made)) {
      const pool = fromCore(made.value)
      const holders = new Set<number>()
      const callers = Array.from({ length: 3 + numbers.below(5) }, () => caller(numbers, pool, ways, holders, problems))
      const fibers = yield* Effect.forEach(callers, (effect) => Effect.forkDaemon(effect))
      for (const fiber of fibers) {
        if (numbers.chance(0.3)) yield* Effect.forkDaemon(Effect.delay(Fiber.interrupt(fiber), numbers.below(60)))
      }
      for (let kills = numbers.below(3); kills > 0; kills--) {
        yield* Effect.forkDaemon(Effect.delay(fake.kill(numbers.below(4)), numbers.below(60)))
      }
      if (numbers.chance(0.5)) yield* Effect.forkDaemon(Effect.delay(close, numbers.below(80)))
      for (const fiber of fibers) {
        const exit = yield* Fiber.await(fiber)
        outcomes.push(outcome(exit))
        problems.push(...wrongExit(exit))
      }
      yield* Effect.sleep(LONG)
      const unrest = yield* atRest(pool, rules.maxSize)
      // It may have been closed by now, before anybody looked or while somebody did.
      if ((yield* pool.stats).phase === "running") problems.push(...unrest)
    } else {
      problems.push(...wrongExit(made))
    }
    yield* close
    yield* Effect.sleep(LONG)
    const entries = List.toArray(List.reverse(yield* TRef.get(history)))
    const { alive, closing, mostAlive, opened } = yield* fake.counts
    if (opened !== closing) problems.push(`opened ${opened}, closed ${closing}`)
    // A connection that opened too late and whose close sticks never reaches the pool, so nobody can abort it.
    if (!sticks && alive > 0) problems.push(`left open ${alive}`)
    if (!sticks && mostAlive > rules.maxSize) problems.push(`${mostAlive} sessions at one time`)
    if (entries.at(-1)!.state.phase._tag !== "Closed") problems.push("the pool is not closed in the end")
    problems.push(
      ...brokenStates(entries),
      ...brokenIn(initial(rules), entries)
    )
    return { problems, trace: [...entries.map(project), ...yield* fake.log, outcomes] }
  })

/** Runs a seed. The same seed makes the same run. */
export const runOf = (seed: number, by = ways): Run => {
  const numbers = new Numbers(seed)
  const haste = numbers.pick([0, 0, 0.02])
  const world = new World(shuffled(new Numbers(seed ^ 0x5eed), numbers.pick([0.05, 0.2, 0.3]), haste))
  const exit = world.run(program(numbers, haste === 0, by), seed)
  return Exit.isFailure(exit)
    ? { problems: [Cause.pretty(exit.cause), ...world.defects], trace: [] }
    : { ...exit.value, problems: [...exit.value.problems, ...world.defects] }
}
