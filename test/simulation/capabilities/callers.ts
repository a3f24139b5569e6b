/**
 * Callers: each asks for a connection in one of the ways that there are, holds it, and is done, fails, dies, gives up or is
 * interrupted.
 *
 * Promises: a connection has one holder, who finds it alone, reset, and not known to be lost; who waits is served before its
 * deadline or told at it; nobody is given a connection after its deadline, or one that is condemned or used up.
 */
import type { AcquireError } from "@cenote/core/PoolError"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Entry } from "../../../packages/core/src/allocator/Allocator.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Leased } from "../../../packages/core/src/allocator/state.js"
import { inUseCount } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { FakePool } from "../../support/pool.js"
import { isTold } from "../../support/schedulers.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"

export class Told extends Data.TaggedError("Told") {
  override readonly message = "told to die"
}

export type Connection = FakeConnector.FakeConnection

type Body = (connection: Connection) => Effect.Effect<void, Told>

type Call = Effect.Effect<void, Told | FakeConnector.FakeError | AcquireError>

const ways = {
  use: (pool: FakePool, body: Body, options: PoolOptions.AcquireOptions): Call => pool.use(body, options),
  get: (pool: FakePool, body: Body): Call => Effect.scoped(Effect.flatMap(pool.get, body)),
  lease: (pool: FakePool, body: Body, options: PoolOptions.AcquireOptions): Call =>
    Effect.scoped(Effect.flatMap(pool.lease(options), (lease) => body(lease.connection)))
}

/** Whether so many may not be on one connection, of whom some want it for themselves. */
const areTooMany = (holders: ReadonlyArray<boolean>, concurrency: number): boolean =>
  holders.length > concurrency || (holders.length > 1 && holders.includes(true))

/** What is wrong with a connection that is handed out now. */
const brokenHandOver = (
  { fake, holders, isPunctual, settings, world }: Stage,
  { id, isDirty }: Connection,
  isExclusive: boolean
) =>
  Effect.map(fake.log, (log) => [
    ...areTooMany([...holders.get(id) ?? [], isExclusive], settings.rules.concurrency)
      ? [`connection ${id} has two holders, or too many`]
      : [],
    ...isDirty ? [`connection ${id} was handed out as another had left it`] : [],
    ...isPunctual && settings.connector.onLost !== undefined &&
        log.some(({ at, connection, event }) => event === "killed" && connection === id && at < world.time)
      ? [`connection ${id} was handed out though the pool had been told that it is lost`]
      : []
  ])

/** Holds a connection, and says so where another does too, where another has left it dirty, or where it was lost before. */
export const holding = <A, E>(
  stage: Stage,
  connection: Connection,
  effect: Effect.Effect<A, E>,
  isExclusive = false
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.map(brokenHandOver(stage, connection, isExclusive), (problems) => {
      problems.forEach(stage.broken)
      stage.holders.set(connection.id, [...stage.holders.get(connection.id) ?? [], isExclusive])
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        const [...left] = stage.holders.get(connection.id)!
        left.splice(left.indexOf(isExclusive), 1)
        stage.holders.set(connection.id, left)
      })
  )

const outcomeOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit)
    ? "is done"
    : Cause.isInterruptedOnly(exit.cause)
    ? "was interrupted"
    : Option.match(Cause.failureOption(exit.cause), { onNone: () => "died", onSome: ({ _tag }) => `failed: ${_tag}` })

/** Runs a caller's call, tells what became of it, and lets it fail as it was told to. */
export const tellingOutcome = <A>(
  { broken, isUnhurried, skew, tell, world }: Stage,
  name: string,
  patience: number,
  call: Effect.Effect<A, { readonly _tag: string }>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const elapsed = () => world.time - skew.by
    const began = elapsed()
    tell(`${name} asks`)
    const exit = yield* Effect.exit(call)
    const took = elapsed() - began
    tell(`${name} ${outcomeOf(exit)}`)
    if (Exit.isFailure(exit)) {
      const strange = [...Cause.defects(exit.cause)].filter((defect) => !isTold(defect))
      if (strange.length > 0) broken(`a caller died: ${Cause.pretty(exit.cause)}`)
    }
    // Where the clock is set back, the pool's time stands still for a moment: no longer than since it was last read. Where it is set forward,
    // an alarm that was set before rings as much later, and who asks then counts on it.
    const most = skew.jumps.reduce((most, by) => most + Math.min(by, patience), patience)
    if (isUnhurried && took > most) broken(`a caller was away for ${took} ms, and may be for ${most} ms`)
  })

const ends = {
  well: Effect.void,
  yields: Effect.yieldNow(),
  fails: Effect.fail(new Told()),
  dies: Effect.die(new Told())
}

interface Caller {
  readonly way: keyof typeof ways
  readonly at: number
  readonly hold: number
  readonly end: keyof typeof ends
  readonly mood: "clean" | "dirty" | "invalidate"
  readonly times: number
  /** Whether it is in an uninterruptible region: the deadline must bound the wait alone. */
  readonly isUninterruptible: boolean
  /** In milliseconds; -1: none. */
  readonly acquireTimeout: number
  readonly interruptAt: number
  readonly isExclusive: boolean
}

const newLeases = ({ state }: Entry, before: Entry | undefined): ReadonlyArray<Leased> =>
  OrderedMap.values(state.leased).filter(({ number }) =>
    before === undefined || !OrderedMap.has(before.state.leased, number)
  )

const brokenGrants = ({ history }: Finished): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const uses = new Map<number, number>()
  const condemned = new Set<number>()
  history.forEach((entry, index) => {
    const { input, state } = entry
    const { rules } = state
    for (const { connection: { id }, ticket } of newLeases(entry, history[index - 1])) {
      const count = (uses.get(id) ?? 0) + 1
      uses.set(id, count)
      if (count > rules.maxUses) problems.push(`connection ${id} was handed out ${count} times`)
      if (condemned.has(id)) problems.push(`connection ${id} was handed out after it was condemned`)
      // One that tries once has no time to wait, and gets what is there.
      if (input.now > ticket.deadline) problems.push(`a caller was granted ${input.now - ticket.deadline} ms late`)
    }
    if (input._tag === "Condemn") condemned.add(input.id)
    const { closing, resetting } = state.steps
    const free = rules.maxSize - inUseCount(state) - resetting.size - closing.size
    const surplus = WaitQueue.size(state.queue) - free * rules.concurrency
    const waits = entry.decision._tag === "Wait" && WaitQueue.get(state.queue, entry.decision.number) !== undefined
    if (waits && surplus > rules.maxWaiters) problems.push(`${surplus} wait for what others hold`)
    if (state.steps.opening.size > rules.maxConnecting) problems.push(`${state.steps.opening.size} open at once`)
  })
  return problems
}

export const callers = capability<Caller>({
  name: "caller",
  count: (_, numbers) => 3 + numbers.below(6),
  draw: (numbers) => ({
    way: numbers.pick(["use", "use", "get", "lease"]),
    at: numbers.below(50),
    hold: numbers.below(15),
    end: numbers.pick(["well", "well", "yields", "fails", "dies"]),
    mood: numbers.pick(["clean", "clean", "dirty", "invalidate"]),
    times: numbers.pick([1, 1, 2, 3]),
    isUninterruptible: numbers.chance(0.1),
    acquireTimeout: numbers.chance(0.3) ? numbers.below(30) : -1,
    interruptAt: numbers.chance(0.4) ? numbers.below(80) : -1,
    isExclusive: numbers.chance(0.2)
  }),
  run: (stage, caller) => {
    const isExclusive = caller.isExclusive && caller.way !== "get"
    const options = {
      ...caller.acquireTimeout >= 0 ? { acquireTimeout: caller.acquireTimeout } : {},
      exclusive: isExclusive
    }
    // What one leaves behind on a connection that others are on is not the pool's to prevent.
    const isAlone = isExclusive || stage.settings.rules.concurrency === 1
    const call = ways[caller.way](stage.pool, (connection) =>
      holding(
        stage,
        connection,
        Effect.suspend(() => {
          if (caller.mood === "dirty" && isAlone) connection.dirty()
          const before = caller.mood === "invalidate" ? stage.pool.invalidate(connection) : Effect.void
          return before.pipe(Effect.zipRight(Effect.sleep(caller.hold)), Effect.zipRight(ends[caller.end]))
        }),
        isExclusive
      ), options)
    const wait = caller.way !== "get" && caller.acquireTimeout >= 0
      ? caller.acquireTimeout
      : stage.settings.acquireTimeout
    const name = `${caller.way} at ${caller.at}`
    const one = tellingOutcome(stage, name, wait + caller.hold, call)
    const all = Effect.repeatN(caller.isUninterruptible ? Effect.uninterruptible(one) : one, caller.times - 1)
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkDaemon(Effect.delay(all, caller.at))
      const interrupter = yield* Effect.forkDaemon(
        caller.interruptAt >= 0 ? Effect.delay(Fiber.interrupt(fiber), caller.interruptAt) : Effect.void
      )
      yield* Fiber.await(fiber)
      yield* Fiber.interrupt(interrupter)
    })
  },
  check: brokenGrants
})
