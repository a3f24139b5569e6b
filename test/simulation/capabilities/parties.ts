/**
 * Callers that want connections of several pools at once, in any order, beside others that want one; pools of their own, of which one may have an
 * outage, be resized, suspended or closed meanwhile.
 *
 * Promises, of each pool all that there are (invariants 1 to 18 after every commit); who holds several has them alone; nobody holds one while it waits for
 * another, or waits for what is idle; everything comes back; and with no outage nobody times out: nobody waits for somebody who waits for it, and nobody starves.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import type { Entry } from "../../../packages/core/src/allocator/Allocator.js"
import { decode } from "../../../packages/core/src/model/settings.js"
import { make } from "../../../packages/core/src/request/make.js"
import { fromCore } from "../../../packages/core/src/request/pool.js"
import type { FakePool } from "../../support/pool.js"
import { brokenStates } from "../rest.js"
import { brokenSeats, type Told } from "../seats.js"
import type { Stage } from "../stage.js"
import { capability } from "../stage.js"
import { tellingOutcome } from "./callers.js"

interface Parties {
  readonly at: number
  readonly pools: number
  readonly maxSize: number
  readonly concurrency: number
  readonly checkAfterIdle: number
  /** How those ask that want one only. */
  readonly ofOne: "use" | "useAll"
  readonly callers: number
  readonly apart: number
  readonly hold: number
  readonly times: number
  /** Every which one is interrupted after some time; 0: none. */
  readonly interrupted: number
  readonly trouble: "none" | "outage" | "kill" | "resize" | "suspend" | "close"
  readonly troubleAt: number
}

/** No caller of a calm run waits for so long, in milliseconds. */
const PATIENCE = 5_000

interface Site {
  readonly pool: FakePool
  readonly fake: FakeConnector.FakeConnector
  readonly holders: Set<number>
  readonly history: Effect.Effect<ReadonlyArray<Entry>>
  readonly rules: Entry["state"]["rules"]
}

const makeSite = ({ checkAfterIdle, concurrency, maxSize, trouble }: Parties) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const options = {
      maxSize,
      concurrency,
      checkAfterIdle,
      acquireTimeout: trouble === "none" ? PATIENCE : 100,
      connectTimeout: 30,
      checkTimeout: 10,
      closeTimeout: 20,
      shutdownTimeout: 100,
      connector: fake.connector
    }
    const { rules } = yield* Effect.orDie(decode(options))
    const ref = yield* TRef.make(List.empty<Entry>())
    const core = yield* Effect.orDie(make(options, ref))
    const history = Effect.map(TRef.get(ref), (entries) => List.toArray(List.reverse(entries)))
    return { pool: fromCore(core), fake, holders: new Set<number>(), history, rules } satisfies Site
  })

const disturb = ({ fake, pool }: Site, { trouble }: Parties): Effect.Effect<void> => {
  switch (trouble) {
    case "none":
      return Effect.void
    case "outage":
      return fake.outage(40)
    case "kill":
      return fake.kill(0)
    case "resize":
      return Effect.ignore(Effect.zipRight(pool.resize({ maxSize: 1 }), Effect.delay(pool.resize({ maxSize: 3 }), 30)))
    case "suspend":
      return Effect.ignore(pool.suspend({ duration: 30 }))
    case "close":
      return Effect.ignore(pool.close({ deadline: 20 }))
  }
}

/** Nobody else has any of them. */
const alone = (stage: Stage, sites: ReadonlyArray<Site>, ids: ReadonlyArray<number>, hold: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      sites.forEach(({ holders }, index) => {
        if (holders.has(ids[index]!)) stage.broken(`connection ${ids[index]} of a party has another holder`)
        holders.add(ids[index]!)
      })
    ),
    () => Effect.sleep(hold),
    () => Effect.sync(() => sites.forEach(({ holders }, index) => holders.delete(ids[index]!)))
  )

/** The pools in one order or another; every third wants the same one twice, every fourth one only. */
const wanted = (sites: ReadonlyArray<Site>, index: number): ReadonlyArray<Site> => {
  const turned = sites.map((_, at) => sites[(at + index) % sites.length]!)
  const ordered = index % 2 === 0 ? turned : [...turned].reverse()
  return index % 4 === 3 ? ordered.slice(0, 1) : index % 3 === 2 ? [...ordered, ordered[0]!] : ordered
}

const caller = (stage: Stage, parties: Parties, sites: ReadonlyArray<Site>, index: number): Effect.Effect<void> => {
  const { hold, maxSize, ofOne, times, trouble } = parties
  const all = wanted(sites, index).slice(0, maxSize === 1 ? sites.length : undefined)
  const timeout = trouble === "none" ? PATIENCE : 100
  const call = all.length === 1 && ofOne === "use"
    ? all[0]!.pool.use(({ id }) => alone(stage, all, [id], hold), { exclusive: true })
    : ConnectionPool.useAll(
      all.map(({ pool }) => pool),
      (connections) => alone(stage, all, connections.map(({ id }) => id), hold)
    )
  const watched = trouble === "none" && stage.isPunctual
    ? Effect.tapError(call, ({ _tag }) =>
      Effect.sync(() => {
        if (_tag === "AcquireTimeout") stage.broken(`caller ${index} of ${all.length} connections has starved`)
      }))
    : call
  return Effect.repeatN(tellingOutcome(stage, `${all.length} at once, ${index},`, timeout + hold, watched), times - 1)
}

export const parties = capability<Parties>({
  name: "party",
  count: (profile, numbers) => profile === "together" ? 1 + numbers.below(2) : numbers.chance(0.1) ? 1 : 0,
  draw: (numbers) => ({
    at: numbers.below(30),
    pools: 2 + numbers.below(2),
    maxSize: 1 + numbers.below(3),
    concurrency: numbers.pick([1, 1, 1, 2]),
    checkAfterIdle: numbers.pick([5, 1_000]),
    ofOne: numbers.pick(["use", "useAll"]),
    callers: 2 + numbers.below(numbers.chance(0.1) ? 30 : 8),
    apart: numbers.below(3),
    hold: numbers.below(8),
    times: 1 + numbers.below(2),
    interrupted: numbers.pick([0, 0, 2, 3]),
    trouble: numbers.pick(["none", "none", "outage", "kill", "resize", "suspend", "close"]),
    troubleAt: 5 + numbers.below(40)
  }),
  run: (stage, part) =>
    Effect.gen(function*() {
      yield* Effect.sleep(part.at)
      const scope = yield* Scope.make()
      const sites = yield* Effect.forEach(
        Array.from({ length: part.pools }),
        () => Scope.extend(makeSite(part), scope)
      )
      const trouble = yield* Effect.forkDaemon(Effect.delay(disturb(sites[0]!, part), part.troubleAt))
      const fibers = yield* Effect.forEach(Array.from({ length: part.callers }), (_, index) =>
        Effect.forkDaemon(Effect.delay(caller(stage, part, sites, index), index * part.apart)))
      const interrupter = yield* Effect.forkDaemon(Effect.delay(
        Effect.forEach(
          fibers,
          (fiber, index) =>
            part.interrupted > 0 && index % part.interrupted === 0 ? Fiber.interrupt(fiber) : Effect.void,
          { discard: true }
        ),
        part.troubleAt + 3
      ))
      yield* Effect.forEach([...fibers, trouble, interrupter], (fiber) => Fiber.await(fiber), { discard: true })
      for (const { pool } of sites) {
        const { leases, waiting } = yield* pool.stats
        if (leases + waiting > 0) stage.broken(`${leases} leases and ${waiting} waiters of parties are left`)
      }
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep(60)
      const told: Array<Told> = []
      for (const { history, rules } of sites) told.push({ rules, history: yield* history })
      for (const { history, rules } of told) {
        brokenStates(rules, history, !stage.isUnhurried).forEach(stage.broken)
      }
      if (stage.isPunctual) brokenSeats(told).forEach(stage.broken)
    })
})
