/** What those who watch are told, and what it costs. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Feed } from "../../packages/core/src/console/Feed.js"
import { settled } from "../support/pool.js"

/** A pool, a feed of it, and how often the pool was looked at. */
const scene = Effect.gen(function*() {
  const fake = yield* FakeConnector.make()
  const pool = yield* ConnectionPool.make({ connector: fake.connector, maxSize: 2 })
  let looks = 0
  const counted: typeof pool = Object.assign(Object.create(pool), {
    stats: Effect.tap(pool.stats, () => Effect.sync(() => looks++))
  })
  const feed = new Feed([{ name: "db", pool: counted }], 1_000, yield* Effect.runtime<never>())
  return { fake, feed, pool, looks: () => looks }
})

/** So many messages, for somebody who reads them as they come. */
const read = (feed: Feed, count: number) =>
  Effect.map(
    Stream.runCollect(Stream.take(feed.messages, count)),
    (messages) => Chunk.toReadonlyArray(messages).map((message) => JSON.parse(message))
  )

describe("a feed", () => {
  it.scoped("looks at no pool while nobody watches, and once a second while anybody does, however many", () =>
    Effect.gen(function*() {
      const { feed, looks } = yield* scene
      yield* TestClock.adjust("10 seconds")
      expect(looks()).toBe(0)
      const watchers = yield* Effect.forEach(
        Array.from({ length: 1_000 }),
        () => Effect.fork(Stream.runDrain(feed.messages))
      )
      yield* settled
      const before = looks()
      yield* TestClock.adjust("10 seconds")
      expect(looks() - before).toBe(10)
      expect(feed.size).toBe(1_000)
      yield* Effect.forEach(watchers, Fiber.interrupt, { discard: true })
      yield* settled
      const after = looks()
      yield* TestClock.adjust("10 seconds")
      expect([feed.size, looks() - after]).toEqual([0, 0])
    }))

  it.scoped("tells sizes, waits and events, and who comes later what was before", () =>
    Effect.gen(function*() {
      const { fake, feed, pool } = yield* scene
      const first = yield* Effect.fork(read(feed, 4))
      yield* settled
      yield* pool.use(({ id }) => Effect.succeed(id))
      yield* fake.next("open", FakeConnector.fail())
      const holder = yield* Effect.fork(pool.use(() => Effect.never))
      yield* settled
      yield* TestClock.adjust("1 second")
      yield* pool.clear()
      yield* TestClock.adjust("1 second")
      const [past, start, one, two] = yield* Fiber.join(first)
      expect(past).toEqual({ type: "past", samples: [], recent: { db: [] } })
      expect(start).toMatchObject({ type: "now", pools: { db: { leased: 0, served: 0 } } })
      expect(one).toMatchObject({ pools: { db: { leased: 1, maxSize: 2, served: 2, failed: 0, p50: 0, p99: 0 } } })
      expect(one.events.db.map(({ tag }: { tag: string }) => tag)).toEqual(["ConnectionOpening", "ConnectionOpened"])
      expect(two.events.db[0]).toMatchObject({ tag: "PoolCleared", text: "abortLeases false" })

      const watcher = yield* Effect.fork(Stream.runDrain(feed.messages))
      yield* settled
      yield* TestClock.adjust("1 second")
      const late = yield* Effect.fork(read(feed, 1))
      yield* settled
      expect((yield* Fiber.join(late))[0]).toMatchObject({
        type: "past",
        samples: [{ pools: { db: { leased: 1 } } }, {}]
      })
      yield* Fiber.interrupt(watcher)
      yield* Fiber.interrupt(holder)
    }))

  it.scoped("tells of all who got nothing for the same reason in one line", () =>
    Effect.gen(function*() {
      const { fake, feed, pool } = yield* scene
      const reader = yield* Effect.fork(read(feed, 3))
      yield* settled
      yield* fake.next("open", FakeConnector.fail())
      yield* Effect.ignore(pool.use(() => Effect.void))
      yield* pool.suspend({ newcomers: "refuse" })
      yield* Effect.replicateEffect(Effect.ignore(pool.use(() => Effect.void)), 40)
      yield* TestClock.adjust("1 second")
      const [, , { events, pools }] = yield* Fiber.join(reader)
      expect(pools.db.failed).toBe(41)
      const failures = events.db.filter(({ tag }: { tag: string }) => tag === "AcquireFailed")
      expect(failures.map(({ text }: { text: string }) => text)).toEqual([
        expect.stringMatching(/^waited 0, .*FakeError/),
        expect.stringMatching(/^40 callers; the first: .*PoolRefused/)
      ])
    }))

  it.scoped("cuts off who does not read, and nobody else", () =>
    Effect.gen(function*() {
      const { feed } = yield* scene
      const slow = yield* Effect.fork(Stream.runForEach(feed.messages, () => Effect.sleep("2 minutes")))
      const quick = yield* Effect.fork(Stream.runDrain(feed.messages))
      yield* settled
      expect(feed.size).toBe(2)
      yield* TestClock.adjust("60 seconds")
      expect(feed.size).toBe(1)
      expect(Option.isNone(yield* Fiber.poll(quick))).toBe(true)
      // It ends when it comes to what was lost.
      yield* TestClock.adjust("61 seconds")
      expect(Option.isSome(yield* Fiber.poll(slow))).toBe(true)
      yield* Fiber.interrupt(quick)
    }))
})
