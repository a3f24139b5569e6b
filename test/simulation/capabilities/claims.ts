/**
 * Callers whose own transaction takes connections, beside TRefs of their own: it may insist on as many, take what there is, take and then wait for
 * something else, fail, die, or be interrupted while it waits or later.
 *
 * Promises: what a transaction has taken is what its fiber holds then, no more and no less, and comes back, whatever the end; one that fails or retries
 * has taken nothing; what it has written in a TRef of its own agrees; a claim never passes who waits, and starts nothing.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { stepsOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"
import type { Connection } from "./callers.js"
import { holding, tellingOutcome, Told } from "./callers.js"

interface Claim {
  readonly at: number
  readonly count: number
  /** Whether it retries until there are as many. */
  readonly insists: boolean
  readonly isExclusive: boolean
  /** When something else comes that it waits for once it has got them, in milliseconds after it has asked; -1: it does not. */
  readonly waitsFor: number
  /** How the transaction ends that has got them. */
  readonly decides: "commits" | "fails" | "dies"
  readonly hold: number
  readonly end: "well" | "fails" | "dies" | "dirty"
  readonly times: number
  readonly interruptAt: number
}

/** The user's transaction: so many connections, counted in the user's own TRef. */
const taking = (
  { pool }: Stage,
  { count, decides, insists, isExclusive }: Claim,
  counted: TRef.TRef<number>,
  gate: TRef.TRef<boolean>
) =>
  STM.gen(function*() {
    const taken: Array<Connection> = []
    for (let index = 0; index < count; index++) {
      const one = yield* pool.tryTake({ exclusive: isExclusive })
      if (Option.isSome(one)) taken.push(one.value)
      else if (insists) return yield* STM.retry
    }
    // Effect keeps what was written before this, and there is nothing: what it has taken is not written yet.
    if (!(yield* TRef.get(gate))) return yield* STM.retry
    if (decides === "fails") return yield* STM.fail(new Told())
    if (decides === "dies") return yield* STM.die(new Told())
    // Last: what Effect writes at an attempt that retries is not ours to undo.
    yield* TRef.set(counted, taken.length)
    return taken
  })

/** Holds them all at the same time. */
const holdingAll = <A, E>(
  stage: Stage,
  connections: ReadonlyArray<Connection>,
  effect: Effect.Effect<A, E>,
  isExclusive: boolean
): Effect.Effect<A, E> =>
  connections.reduce((inner, connection) => holding(stage, connection, inner, isExclusive), effect)

/** How many leases the fiber has that runs this. */
const leasesHeld = ({ allocator }: Stage): Effect.Effect<number> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.map(
      allocator.snapshot,
      ({ leased, phase }) =>
        phase._tag === "Closed" ? NaN : OrderedMap.values(leased).filter(({ ticket }) => ticket.fiber === fiber).length
    )
  )

/** Says so where that is another number. A pool that is closed has forgotten its leases. */
const holdsAs = (stage: Stage, expected: number, when: string): Effect.Effect<void> =>
  Effect.map(leasesHeld(stage), (count) => {
    if (!Number.isNaN(count) && count !== expected) {
      stage.broken(`${when}, a transaction that has taken ${expected} holds ${count}`)
    }
  })

const one = (stage: Stage, claim: Claim) =>
  Effect.gen(function*() {
    const { end, hold, isExclusive, waitsFor } = claim
    const counted = yield* TRef.make(0)
    const gate = yield* TRef.make(waitsFor < 0)
    if (waitsFor >= 0) yield* Effect.forkDaemon(Effect.delay(TRef.set(gate, true), waitsFor))
    const isAlone = isExclusive || stage.settings.rules.concurrency === 1
    yield* ConnectionPool.useSTM(taking(stage, claim, counted, gate), (taken) =>
      holdingAll(
        stage,
        taken,
        Effect.gen(function*() {
          const count = yield* TRef.get(counted)
          if (count !== taken.length) stage.broken(`a transaction took ${taken.length} and counted ${count}`)
          yield* holdsAs(stage, taken.length, "in its use")
          yield* Effect.sleep(hold)
          if (end === "fails") return yield* new Told()
          if (end === "dies") return yield* Effect.die(new Told())
          if (end === "dirty" && isAlone) taken.forEach((connection) => connection.dirty())
        }),
        isExclusive
      )).pipe(Effect.onExit(() => holdsAs(stage, 0, "after its end")))
  })

const brokenClaim = ({ before, decision, input, state }: Step): ReadonlyArray<string> => {
  if (input._tag !== "Claim") return []
  if (decision._tag !== "Reuse") return state === before ? [] : ["a claim that got nothing has changed something"]
  return WaitQueue.size(before.queue) === 0 ? [] : ["a claim was served while somebody waited"]
}

export const claims = capability<Claim>({
  name: "claim",
  count: (profile, numbers) => numbers.chance(profile === "operations" ? 0.8 : 0.4) ? 1 + numbers.below(3) : 0,
  draw: (numbers) => ({
    at: numbers.below(60),
    count: 1 + numbers.below(2),
    insists: numbers.chance(0.6),
    isExclusive: numbers.chance(0.3),
    waitsFor: numbers.chance(0.3) ? numbers.below(20) : -1,
    decides: numbers.pick(["commits", "commits", "commits", "fails", "dies"]),
    hold: numbers.below(12),
    end: numbers.pick(["well", "well", "fails", "dies", "dirty"]),
    times: 1 + numbers.below(3),
    interruptAt: 20 + numbers.below(90)
  }),
  run: (stage, claim) => {
    const call = tellingOutcome(stage, `a claim at ${claim.at}`, Infinity, one(stage, claim))
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkDaemon(Effect.delay(Effect.repeatN(call, claim.times - 1), claim.at))
      // One that insists may wait for ever.
      const interrupter = yield* Effect.forkDaemon(Effect.delay(Fiber.interrupt(fiber), claim.interruptAt))
      yield* Fiber.await(fiber)
      yield* Fiber.interrupt(interrupter)
    })
  },
  check: ({ history, settings: { rules } }: Finished) => stepsOf(initial(rules), history).flatMap(brokenClaim)
})
