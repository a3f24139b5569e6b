/**
 * A keyed pool of its own: callers of several keys, one of them hot, under a maximum that is too small for all; servers of which one may have an
 * outage, keys that are forgotten, and an end while they ask.
 *
 * Promises: of each key all that a state alone can break (invariants 1 to 15 after every commit), and of all keys together invariants 19 to 22; of
 * who waits for a key the first is served first; a connection has one holder, and is of the key's own server; everything comes back; and with no trouble
 * nobody times out, and a key that has no connection has one about a second after it was asked for, however hot another is.
 */
import { FakeConnector } from "@cenote/core/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import { brokenBy } from "../../../packages/core/src/allocator/invariants.js"
import { brokenByKeys } from "../../../packages/core/src/allocator/keys/invariants.js"
import type { KeysEntry } from "../../../packages/core/src/allocator/keys/KeysAllocator.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../../packages/core/src/allocator/state.js"
import { nextDue } from "../../../packages/core/src/allocator/upkeep.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import { make } from "../../../packages/core/src/request/keys/make.js"
import { fromCore } from "../../../packages/core/src/request/keys/pool.js"
import type { FakeKeyed } from "../../support/keyed.js"
import type { Stage } from "../stage.js"
import { capability } from "../stage.js"
import { tellingOutcome } from "./callers.js"

interface Tenants {
  readonly at: number
  readonly keys: number
  readonly maxPerKey: number
  readonly maxTotal: number
  readonly concurrency: number
  readonly checkAfterIdle: number
  readonly keyIdleTimeout: number
  readonly callers: number
  readonly apart: number
  readonly hold: number
  readonly times: number
  /** Every which one is interrupted after some time; 0: none. */
  readonly interrupted: number
  readonly trouble: "none" | "outage" | "kill" | "forget" | "drain" | "close"
  readonly troubleAt: number
}

/** No caller of a calm run waits for so long, in milliseconds. */
const PATIENCE = 20_000

/** The name of the key that every other caller asks for. */
const HOT = "0"

interface Site {
  readonly pool: FakeKeyed
  readonly servers: ReadonlyMap<string, FakeConnector.FakeConnector>
  readonly holders: Map<string, number>
  readonly history: Effect.Effect<ReadonlyArray<KeysEntry>>
}

const makeSite = ({ checkAfterIdle, concurrency, keyIdleTimeout, keys, maxPerKey, maxTotal, trouble }: Tenants) =>
  Effect.gen(function*() {
    const servers = new Map<string, FakeConnector.FakeConnector>()
    for (let key = 0; key < keys; key++) servers.set(String(key), yield* FakeConnector.make())
    const ref = yield* TRef.make(List.empty<KeysEntry>())
    const core = yield* Effect.orDie(make({
      maxPerKey,
      maxTotal,
      concurrency,
      checkAfterIdle,
      keyIdleTimeout,
      // So short that keys rest, and are forgotten, between two of their callers.
      idleTimeout: keyIdleTimeout === 5 ? 2 : "10 minutes",
      acquireTimeout: trouble === "none" ? PATIENCE : 100,
      connectTimeout: 30,
      checkTimeout: 10,
      closeTimeout: 20,
      shutdownTimeout: 100,
      connector: (key: string) => servers.get(key)!.connector
    }, ref))
    const history = Effect.map(TRef.get(ref), (entries) => List.toArray(List.reverse(entries)))
    return { pool: fromCore(core), servers, holders: new Map<string, number>(), history } satisfies Site
  })

const disturb = ({ pool, servers }: Site, { trouble }: Tenants): Effect.Effect<void> => {
  switch (trouble) {
    case "none":
      return Effect.void
    case "outage":
      return servers.get(HOT)!.outage(40)
    case "kill":
      return servers.get(HOT)!.kill(0)
    case "forget":
      return Effect.repeatN(Effect.zipRight(pool.forget(HOT), Effect.delay(pool.forget("1"), 1)), 20)
    case "drain":
      return Effect.ignore(Effect.timeout(pool.drain, 50))
    case "close":
      return Effect.ignore(pool.close({ deadline: 20 }))
  }
}

/** Not more have it than may. */
const counted = (stage: Stage, { holders }: Site, { concurrency, hold }: Tenants, key: string, id: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const name = `${key}/${id}`
      const count = (holders.get(name) ?? 0) + 1
      if (count > concurrency) stage.broken(`connection ${name} has ${count} holders`)
      holders.set(name, count)
      return name
    }),
    () => Effect.sleep(hold),
    (name) => Effect.sync(() => void holders.set(name, holders.get(name)! - 1))
  )

const caller = (stage: Stage, tenants: Tenants, site: Site, index: number): Effect.Effect<void> => {
  const { hold, keys, times, trouble } = tenants
  const key = index % 2 === 0 ? HOT : String(index % keys)
  const timeout = trouble === "none" ? PATIENCE : 100
  const call = index % 3 === 0
    ? Effect.scoped(Effect.flatMap(site.pool.get(key), ({ id }) => counted(stage, site, tenants, key, id)))
    : site.pool.use(key, ({ id }) => counted(stage, site, tenants, key, id))
  const watched = Effect.tapError(call, ({ _tag }: { readonly _tag: string }) =>
    Effect.sync(() => {
      if (_tag === "Forgotten") stage.broken(`caller ${index} was told that its key is gone`)
      if (_tag === "AcquireTimeout" && trouble === "none" && stage.isPunctual) {
        stage.broken(`caller ${index} of key ${key} has starved`)
      }
    }))
  // A key that is looked up is valid.
  const known = Effect.catchTag(watched, "InvalidKey", Effect.die)
  return Effect.repeatN(tellingOutcome(stage, `tenant ${key}, caller ${index},`, timeout + hold, known), times - 1)
}

/** Who was passed by somebody that came later, of the same key. Who waits for an empty connection may be, by who shares one. */
const passed = (before: State | undefined, after: State): ReadonlyArray<string> => {
  if (before === undefined) return []
  const last = Math.max(-1, ...OrderedMap.keys(after.leased).filter((number) => !OrderedMap.has(before.leased, number)))
  return WaitQueue.entries(after.queue)
    .filter(([number, { manner }]) => number < last && manner.mayShare === (after.rules.concurrency > 1))
    .map(([number]) => `ticket ${number} was passed by ${last}`)
}

/** What is wrong with the states. Where a Tick of a key is due it is on its way: who waits for it may. */
const brokenStates = (history: ReadonlyArray<KeysEntry>, isHasty: boolean): ReadonlyArray<string> => {
  const dues = new Map<number, number>()
  const states = new Map<number, State>()
  let latest = -Infinity
  return history.flatMap(({ input, key: committed, now, state: keys }) => {
    const isLate = isHasty && now < latest
    latest = Math.max(latest, now)
    const problems = OrderedMap.values(keys.all).flatMap(({ id, state }) => {
      const isTick = committed === id && input?._tag === "Tick"
      const due = isTick ? Infinity : dues.get(id) ?? Infinity
      dues.set(id, Math.min(due, nextDue(state, now)))
      const before = states.get(id)
      states.set(id, state)
      return [...brokenBy(state, now), ...passed(before, state)]
        .filter((problem) => !((due <= now || isLate) && problem.startsWith("invariant 5")))
        .map((problem) => `key ${id}: ${problem}`)
    })
    return [...problems, ...brokenByKeys(keys, now)]
  })
}

/** What ends for other keys. Of what is shared, it is decided before it is empty. */
const ceded = ({ shared, steps }: State): ReadonlyArray<number> => [
  ...OrderedMap.values(shared).flatMap(({ condemned, connection: { id } }) => condemned === "Ceded" ? [id] : []),
  ...OrderedMap.values(steps.closing).flatMap(({ id, reason }) => reason === "Ceded" ? [id] : [])
]

/** Connections end for other keys only where one needs it, no more than do, and where others wait for them not before the time is over. */
const wronglyCeded = (history: ReadonlyArray<KeysEntry>, concurrency: number): ReadonlyArray<string> =>
  history.flatMap(({ now, state: keys }, index) => {
    const before = history[index - 1]?.state
    const hungers = (of: typeof keys | undefined) =>
      of === undefined
        ? []
        : OrderedMap.values(of.all).flatMap(({ hunger, id }) => hunger === undefined ? [] : [{ hunger, id }])
    const hungry = [...hungers(before), ...hungers(keys)]
    return OrderedMap.values(keys.all).flatMap(({ id, state }) => {
      const was = before === undefined ? undefined : OrderedMap.get(before.all, id)?.state
      const began = ceded(state).filter((connection) => was === undefined || !ceded(was).includes(connection))
      if (began.length === 0) return []
      const all = OrderedMap.values(keys.all).reduce((sum, { state }) => sum + ceded(state).length, 0)
      const isHeld = was !== undefined && WaitQueue.size(was.queue) > 0 && WaitQueue.size(state.queue) > 0
      return [
        ...all > keys.hungry.size && concurrency === 1 ? [`${all} connections end for ${keys.hungry.size} keys`] : [],
        ...isHeld && !hungry.some((other) => other.id !== id && now - other.hunger.since >= 1_000)
          ? [`a connection of key ${id} ended though others waited for it`]
          : []
      ]
    })
  })

/** A key without connections waits for as long as others keep theirs, and then for one of each key that came before. */
const waited = (stage: Stage, tenants: Tenants, history: ReadonlyArray<KeysEntry>): void => {
  const { apart, callers, hold, keys, trouble } = tenants
  if (trouble !== "none" || !stage.isPunctual) return
  const longest = (1_000 + (hold + 30) * 2) * keys + callers * apart
  for (const { now, state } of history) {
    for (const { hunger, id } of OrderedMap.values(state.all)) {
      if (hunger?.live === 0 && now - hunger.since > longest) stage.broken(`key ${id} has starved`)
    }
  }
}

export const tenants = capability<Tenants>({
  name: "tenant",
  count: (profile, numbers) => profile === "keyed" ? 1 + numbers.below(2) : numbers.chance(0.1) ? 1 : 0,
  draw: (numbers, profile) => ({
    at: numbers.below(30),
    keys: 2 + numbers.below(4),
    maxPerKey: 1 + numbers.below(3),
    maxTotal: 1 + numbers.below(4),
    concurrency: numbers.pick([1, 1, 1, 2]),
    checkAfterIdle: numbers.pick([5, 1_000]),
    keyIdleTimeout: numbers.pick([5, 5_000]),
    ...numbers.pick([
      { callers: 2 + numbers.below(12), hold: numbers.pick([0, 2, 8]), times: 1 + numbers.below(4) },
      { callers: 2 + numbers.below(12), hold: numbers.pick([0, 2, 8]), times: 1 + numbers.below(4) },
      { callers: 2 + numbers.below(40), hold: 3, times: 1 },
      // So slow that a busy key has to give up a connection, and for so long that it is seen if it does not.
      {
        callers: 4 + numbers.below(5),
        hold: 300,
        times: 1 + numbers.below(profile === "keyed" ? 8 : 2),
        keyIdleTimeout: 5_000
      }
    ]),
    apart: numbers.below(3),
    interrupted: numbers.pick([0, 0, 2, 3]),
    trouble: numbers.pick(["none", "none", "outage", "kill", "forget", "drain", "close"]),
    troubleAt: 5 + numbers.below(40)
  }),
  run: (stage, part) =>
    Effect.gen(function*() {
      yield* Effect.sleep(part.at)
      const scope = yield* Scope.make()
      const site = yield* Scope.extend(makeSite(part), scope)
      const trouble = yield* Effect.forkDaemon(Effect.delay(disturb(site, part), part.troubleAt))
      const fibers = yield* Effect.forEach(Array.from({ length: part.callers }), (_, index) =>
        Effect.forkDaemon(Effect.delay(caller(stage, part, site, index), index * part.apart)))
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
      const { leases, waiting } = yield* site.pool.stats
      if (leases + waiting > 0) stage.broken(`${leases} leases and ${waiting} waiters of tenants are left`)
      const began = yield* Clock.currentTimeMillis
      yield* Scope.close(scope, Exit.void)
      const took = (yield* Clock.currentTimeMillis) - began
      if (stage.isPunctual && took > 100) stage.broken(`closing a keyed pool took ${took} ms`)
      yield* Effect.sleep(60)
      if ((yield* site.pool.stats).phase !== "closed") stage.broken("a keyed pool is not closed in the end")
      for (const [key, server] of site.servers) {
        const { alive, closing, opened } = yield* server.counts
        if (opened !== closing) stage.broken(`key ${key}: opened ${opened}, closed ${closing}`)
        if (alive > 0) stage.broken(`key ${key}: ${alive} sessions are left on the server`)
      }
      const history = yield* site.history
      waited(stage, part, history)
      wronglyCeded(history, part.concurrency).forEach(stage.broken)
      brokenStates(history, !stage.isUnhurried).forEach(stage.broken)
    })
})
