/** What happens when a connector says that the server is in trouble. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

/** A pool whose connector can be told to say so, by any of its connections. */
const alarmed = (tuning: Tuning = {}, options: FakeConnector.FakeOptions = { onLost: false }) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make(options)
    const listeners = new Map<number, () => void>()
    const connector = Connector.make({
      ...fake.connector,
      onCritical: ({ id }, critical) => void listeners.set(id, critical)
    })
    const pool = yield* ConnectionPool.make({
      connector,
      idleTimeout: Infinity,
      keepalive: Infinity,
      maxLifetime: Infinity,
      checkAfterIdle: "1 hour",
      ...tuning
    })
    const alarm = (id: number) => Effect.zipRight(Effect.sync(() => listeners.get(id)!()), settled)
    return { alarm, fake, pool }
  })

it.scoped("every idle connection is checked before it is handed out, the one that said so included", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed()
    yield* warm(pool, 3)
    yield* alarm(1)
    expect(yield* pool.stats).toMatchObject({ idle: 3, closed: 0 })
    yield* Effect.forEach([1, 2, 3], () => hold(pool))
    expect(yield* fake.counts).toMatchObject({ checked: 3, closed: 0, opened: 3 })
  }))

it.scoped("once checked, they are trusted again", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed()
    yield* warm(pool, 1)
    yield* alarm(0)
    yield* Effect.repeatN(pool.use(() => Effect.void), 4)
    expect((yield* fake.counts).checked).toBe(1)
  }))

it.scoped("those that the server has dropped are found at once, and callers get others", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed()
    yield* warm(pool, 3)
    yield* Effect.forEach([0, 1, 2], fake.kill)
    yield* alarm(2)
    const { connection } = yield* hold(pool)
    expect(connection.isAlive).toBe(true)
    yield* settled
    expect(yield* pool.stats).toMatchObject({ closed: 3, leased: 1 })
  }))

it.scoped("a leased connection says so, too, and is not touched itself", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed()
    const { connection, id, release } = yield* hold(pool)
    yield* warm(pool, 1)
    yield* alarm(id)
    expect(connection.isAlive).toBe(true)
    yield* release
    expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 0 })
    // The last to come back has worked since; the other one has to be checked.
    yield* Effect.all([hold(pool), hold(pool)])
    expect((yield* fake.counts).checked).toBe(1)
  }))

it.scoped("each time it is told in an event", () =>
  Effect.gen(function*() {
    const { alarm, pool } = yield* alarmed()
    yield* warm(pool, 2)
    const events = yield* listen(pool)
    yield* alarm(0)
    yield* TestClock.adjust("1 second")
    yield* alarm(1)
    expect(only(events, "PoolSuspected")).toEqual([
      { _tag: "PoolSuspected", at: 0, reason: "Critical" },
      { _tag: "PoolSuspected", at: 1_000, reason: "Critical" }
    ])
  }))

it.scoped("a connector without a check is believed: nothing changes", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed({}, { check: false, ping: false })
    yield* warm(pool, 2)
    yield* alarm(0)
    expect((yield* hold(pool)).id).toBe(1)
    expect(yield* fake.counts).toMatchObject({ checked: 0, closed: 0 })
  }))

it.scoped("while callers wait nobody is served by a suspect: it is checked, and then goes to the first", () =>
  Effect.gen(function*() {
    const { alarm, fake, pool } = yield* alarmed({ maxSize: 1 })
    yield* warm(pool, 1)
    yield* alarm(0)
    yield* fake.next("check", FakeConnector.slow("500 millis"))
    const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
    expect(yield* pool.stats).toMatchObject({ checking: 1, waiting: 2 })
    yield* TestClock.adjust("500 millis")
    expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([false, true])
  }))

it.scoped("one that says so after its end, or after the pool's, changes nothing", () =>
  Effect.gen(function*() {
    const { alarm, pool } = yield* alarmed()
    yield* warm(pool, 1)
    yield* pool.clear()
    yield* settled
    yield* alarm(0)
    yield* pool.close()
    yield* alarm(0)
    expect((yield* pool.stats).phase).toBe("closed")
  }))
