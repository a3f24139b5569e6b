import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting } from "./support.js"

const refused = FakeConnector.fail("connection refused")

it.effect("a failed opening does not fail those who came after it had begun: the next one serves them", () =>
  withPool({ maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("open", FakeConnector.wait(gate, refused))
      const early = yield* ask(pool)
      yield* gate.reached
      const late = yield* ask(pool)
      yield* gate.open
      expect(yield* failureOf(early)).toMatchObject({ reason: "connection refused" })
      expect(yield* isWaiting(late)).toBe(true)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(late)
      expect(yield* fake.counts).toMatchObject({ opening: 2, opened: 1 })
    })))

it.effect("a failed opening fails all who stood in the queue when it began, with the connector's error", () =>
  withPool({ maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([FakeConnector.makeGate, FakeConnector.makeGate])
      yield* fake.next(
        "open",
        FakeConnector.wait(first, FakeConnector.fail("first")),
        FakeConnector.wait(second, FakeConnector.fail("second"))
      )
      const callers = yield* Effect.forEach([1, 2, 3, 4], () => ask(pool))
      yield* first.open
      expect(yield* failureOf(callers[0]!)).toMatchObject({ reason: "first" })
      expect(yield* Effect.forEach(callers, isWaiting)).toEqual([false, true, true, true])
      yield* TestClock.adjust("100 millis")
      yield* second.reached
      const late = yield* ask(pool)
      yield* second.open
      const errors = yield* Effect.forEach(callers.slice(1), failureOf)
      expect(errors.map((error) => error.message)).toEqual(Array.from({ length: 3 }, () => "open failed: second"))
      expect(yield* isWaiting(late)).toBe(true)
    })))

it.effect("a failure is never served later: the next caller has an opening of its own", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused)
      yield* Effect.flip(pool.use(() => Effect.void))
      const later = yield* ask(pool)
      // Even within the back-off: it waits for the next opening, and is not told of the last one.
      expect(yield* isWaiting(later)).toBe(true)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(later)
    })))

it.effect("while another connection is open, a failed opening fails nobody", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { id, release } = yield* hold(pool)
      yield* fake.set("open", refused)
      const waiter = yield* ask(pool)
      expect((yield* pool.stats).openFailures).toBe(1)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust("10 seconds")
      expect((yield* pool.stats).openFailures).toBeGreaterThan(3)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      expect((yield* Fiber.join(waiter)).id).toBe(id)
    })))

it.effect("while another opening is under way, a failed one fails nobody", () =>
  withPool({ maxConnecting: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [bad, good] = yield* Effect.all([FakeConnector.makeGate, FakeConnector.makeGate])
      yield* fake.next("open", FakeConnector.wait(bad, refused), FakeConnector.wait(good))
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      yield* bad.open
      expect(yield* Effect.all([isWaiting(first), isWaiting(second)])).toEqual([true, true])
      yield* good.open
      yield* Fiber.join(first)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(second)
    })))

it.effect("when the last of several openings fails, its cause goes to all who were there", () =>
  withPool({ maxConnecting: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [first, last] = yield* Effect.all([FakeConnector.makeGate, FakeConnector.makeGate])
      yield* fake.next(
        "open",
        FakeConnector.wait(first, FakeConnector.fail("first")),
        FakeConnector.wait(last, FakeConnector.fail("last"))
      )
      const callers = yield* Effect.all([ask(pool), ask(pool)])
      yield* first.open
      yield* settled
      yield* last.open
      const errors = yield* Effect.forEach(callers, failureOf)
      expect(errors.map((error) => error.message)).toEqual(["open failed: last", "open failed: last"])
    })))

it.effect("with whenDown \"wait\" a failed opening fails nobody, and callers are served when the server is back", () =>
  withPool({ whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      const callers = yield* Effect.all([ask(pool), ask(pool), ask(pool)])
      yield* TestClock.adjust("20 seconds")
      expect(yield* Effect.forEach(callers, isWaiting)).toEqual([true, true, true])
      yield* fake.set("open", FakeConnector.ok)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.joinAll(callers)
    })))

it.effect("with whenDown \"wait\" a caller gives up at its own deadline", () =>
  withPool({ whenDown: "wait", acquireTimeout: "10 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      const caller = yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      expect(yield* failureOf(caller)).toMatchObject({ _tag: "AcquireTimeout", waited: 10_000 })
    })))

it.effect("an opening that dies gives its defect as a defect, to all who were there", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const defect = new Error("bug in the driver")
      yield* fake.next("open", FakeConnector.die(defect))
      expect(yield* Effect.exit(pool.use(() => Effect.void))).toEqual(Exit.die(defect))
    })))

it.effect("the connector's error can be caught by its tag, and defects are none of it", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused)
      const caught = yield* Effect.catchTag(
        pool.use(() => Effect.succeed("a row")),
        "FakeError",
        ({ reason }) => Effect.succeed(reason)
      )
      expect(caught).toBe("connection refused")
    })))

it.effect("stats remember the last connect failure, and how many came in a row", () =>
  withPool({ whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      expect(yield* pool.stats).toMatchObject({ failedInARow: 0, lastConnectFailure: Option.none() })
      yield* TestClock.adjust("1 minute")
      yield* fake.next("open", FakeConnector.fail("first"), FakeConnector.fail("second"))
      yield* ask(pool)
      const down = yield* pool.stats
      expect(down).toMatchObject({ failedInARow: 1, openFailures: 1 })
      const first = Option.getOrThrow(down.lastConnectFailure)
      expect(first.at).toBe(60_000)
      expect(Cause.squash(first.cause)).toMatchObject({ reason: "first" })
      yield* TestClock.adjust("5 seconds")
      const up = yield* pool.stats
      expect(up).toMatchObject({ failedInARow: 0, openFailures: 2, opened: 1 })
      expect(Cause.squash(Option.getOrThrow(up.lastConnectFailure).cause)).toMatchObject({ reason: "second" })
    })))
