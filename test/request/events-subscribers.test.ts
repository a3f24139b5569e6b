import type { PoolEvent } from "@cenote/core/PoolEvent"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it, vi } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { publish } from "../../packages/core/src/request/core.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { hold, listen, only } from "./support.js"

/** How many events a subscriber may be behind. */
const BUFFER = 4_096

const uses = (pool: FakePool, count: number) => Effect.repeatN(pool.use(() => Effect.void), count - 1)

/** A subscriber that reads one event, and goes on when the test lets it. */
const slowSubscriber = (pool: FakePool) =>
  Effect.gen(function*() {
    const gate = yield* FakeConnector.makeGate
    const seen: Array<PoolEvent> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(pool.events, (event) => Effect.zipRight(gate.pass, Effect.sync(() => seen.push(event))))
    )
    yield* settled
    return { fiber, gate, seen: seen as ReadonlyArray<PoolEvent> }
  })

it.scoped("without a subscriber no event is built, and none is published", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const core = yield* make({ connector: fake.connector, maxSize: 1 })
    const pool = fromCore(core)
    const published = vi.spyOn(core.events, "publish")
    let built = 0
    const event = (at: number): PoolEvent => {
      built++
      return { _tag: "PoolClosing", at }
    }
    yield* fake.next("open", FakeConnector.fail())
    yield* Effect.exit(uses(pool, 1))
    publish(core, event)
    yield* Effect.exit(pool.use((connection) => pool.invalidate(connection), { acquireTimeout: 0 }))
    yield* settled
    expect({ built, published: published.mock.calls.length }).toEqual({ built: 0, published: 0 })

    const subscriber = yield* Effect.fork(Stream.runDrain(pool.events))
    yield* settled
    publish(core, event)
    expect({ built, published: published.mock.calls.length }).toEqual({ built: 1, published: 1 })

    yield* Fiber.interrupt(subscriber)
    publish(core, event)
    expect({ built, published: published.mock.calls.length }).toEqual({ built: 1, published: 1 })
  }))

it.effect("a subscriber sees what happens from then on", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* uses(pool, 1)
      const events = yield* listen(pool)
      yield* uses(pool, 1)
      yield* settled
      expect(events.map(({ _tag }) => _tag)).toEqual(["AcquireStarted", "Acquired", "Released"])
    })))

it.effect("each of several subscribers sees every event", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const first = yield* listen(pool)
      const second = yield* listen(pool)
      yield* uses(pool, 2)
      yield* settled
      expect(first.length).toBe(8)
      expect(second).toEqual(first)
    })))

it.effect("the stream ends when the pool is closed, and its last events say so", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      const all = yield* Effect.fork(Stream.runCollect(pool.events))
      yield* settled
      yield* uses(pool, 1)
      yield* close
      const tags = Chunk.toReadonlyArray(yield* Fiber.join(all)).map(({ _tag }) => _tag)
      expect(tags).toEqual([
        "AcquireStarted",
        "ConnectionOpening",
        "ConnectionOpened",
        "Acquired",
        "Released",
        "PoolClosing",
        "ConnectionClosing",
        "ConnectionClosed",
        "PoolClosed"
      ])
    })))

it.effect("a stream of a pool that is closed is empty", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      yield* close
      expect(Chunk.size(yield* Stream.runCollect(pool.events))).toBe(0)
    })))

it.effect("a subscriber that does not read holds up nobody", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      const { fiber, gate } = yield* slowSubscriber(pool)
      yield* uses(pool, 3_000)
      yield* close
      expect((yield* pool.stats).phase).toBe("closed")
      yield* gate.open
      yield* Fiber.join(fiber)
    })))

it.effect("a slow subscriber gets what fits, then how many it has missed, then what comes next", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* uses(pool, 1)
      const { fiber, gate, seen } = yield* slowSubscriber(pool)
      // Three events a use: the subscriber is stuck at the first of them, and has room for a full buffer.
      yield* uses(pool, 1)
      yield* gate.reached
      const more = Math.ceil(BUFFER / 3) + 50
      yield* uses(pool, more)
      yield* gate.open
      yield* settled
      expect(seen.length).toBe(1 + BUFFER)
      expect(only(seen, "EventsDropped")).toEqual([])
      yield* uses(pool, 1)
      yield* settled
      expect(seen.slice(1 + BUFFER).map((event) => event._tag === "EventsDropped" ? event.count : event._tag)).toEqual([
        2 + 3 * more - BUFFER,
        "AcquireStarted",
        "Acquired",
        "Released"
      ])
      yield* Fiber.interrupt(fiber)
    })))

it.effect("a subscriber that reads in time misses nothing while another is slow", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const { fiber } = yield* slowSubscriber(pool)
      const fast = yield* listen(pool)
      yield* Effect.forEach(
        Array.from({ length: 50 }),
        () => Effect.zipRight(uses(pool, 50), Effect.yieldNow()),
        { discard: true }
      )
      yield* settled
      expect(only(fast, "Acquired").length).toBe(2_500)
      expect(only(fast, "EventsDropped")).toEqual([])
      yield* Fiber.interrupt(fiber)
    })))

it.effect("a subscriber that was behind when the pool closed still reads how many events it has missed", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      const { fiber, gate, seen } = yield* slowSubscriber(pool)
      yield* uses(pool, 1)
      yield* gate.reached
      yield* uses(pool, BUFFER)
      yield* close
      yield* gate.open
      yield* Fiber.join(fiber)
      const missed = only(seen, "EventsDropped").reduce((sum, { count }) => sum + count, 0)
      // Opening, opened, three a use, and the four of the close.
      expect(seen.length - only(seen, "EventsDropped").length + missed).toBe(2 + 3 * (BUFFER + 1) + 4)
    })))

it.effect("a subscriber that stops reading is forgotten", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const taken = yield* Effect.fork(Stream.runCollect(Stream.take(pool.events, 1)))
      yield* settled
      const { release } = yield* hold(pool)
      expect(Chunk.toReadonlyArray(yield* Fiber.join(taken)).map(({ _tag }) => _tag)).toEqual(["AcquireStarted"])
      yield* release
    })))
