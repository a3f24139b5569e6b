import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CloseOutcome } from "../../packages/core/src/model/events.js"
import { settled } from "../support/pool.js"
import { endsAfter, errorOf, fakeResource, openResource, resourceOf } from "./support.js"

it.effect("an opening gives the connection, and knows it from others", () =>
  Effect.gen(function*() {
    const { resource } = yield* openResource()
    expect(resource.connection.id).toBe(0)
    expect(resource.is(resource.connection)).toBe(true)
    expect(resource.is({ ...resource.connection })).toBe(false)
  }))

it.effect("a connection that was never opened is no connection, not even of undefined", () =>
  Effect.gen(function*() {
    const { resource } = yield* fakeResource()
    expect(() => resource.connection).toThrow("a connection was used before it was open")
    expect(resource.is(undefined)).toBe(false)
  }))

it.effect("a failed opening fails as the connector does", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* fakeResource()
    yield* fake.next("open", FakeConnector.fail("connection refused"))
    expect(yield* Effect.flip(resource.open)).toMatchObject({ _tag: "FakeError", reason: "connection refused" })
  }))

for (
  const { behaviour, name } of [
    { name: "hangs", behaviour: FakeConnector.hang },
    { name: "ignores its interruption", behaviour: FakeConnector.stick },
    { name: "takes too long", behaviour: FakeConnector.slow("10 seconds") }
  ]
) {
  it.effect(`an opening that ${name} ends at its time with a ConnectTimeout`, () =>
    Effect.gen(function*() {
      const { fake, resource } = yield* fakeResource({ connectTimeout: "9 seconds", name: "orders" })
      yield* fake.next("open", behaviour)
      const error = yield* errorOf(yield* endsAfter(resource.open, 9_000))
      expect(error).toMatchObject({ _tag: "ConnectTimeout", pool: "orders", after: 9_000 })
    }))
}

it.effect("an opening without a bound goes on for as long as it takes", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* fakeResource({ connectTimeout: Infinity })
    yield* fake.next("open", FakeConnector.slow("30 days"))
    expect(Exit.isSuccess(yield* endsAfter(resource.open, 30 * 86_400_000))).toBe(true)
  }))

/** A connector whose tries cannot be interrupted, each opening a socket when the test says so. */
const late = Effect.gen(function*() {
  const answer = yield* Deferred.make<void>()
  const log: Array<string> = []
  const open = Effect.uninterruptible(Effect.zipRight(
    Deferred.await(answer),
    Effect.acquireRelease(Effect.sync(() => log.push("opened")), () => Effect.sync(() => log.push("closed")))
  ))
  return { answer: Effect.zipRight(Deferred.succeed(answer, undefined), settled), log, open }
})

it.effect("what an opening opens after it was given up on is closed with the resource", () =>
  Effect.gen(function*() {
    const { answer, log, open } = yield* late
    const resource = yield* resourceOf(open, { connectTimeout: "1 second" })
    yield* endsAfter(resource.open, 1_000)
    const closing = yield* Effect.fork(resource.close)
    yield* answer
    expect(yield* Fiber.join(closing)).toEqual(CloseOutcome.Closed())
    expect(log).toEqual(["opened", "closed"])
    expect(() => resource.connection).toThrow()
  }))

it.effect("what an opening opens after it was interrupted is closed with the resource", () =>
  Effect.gen(function*() {
    const { answer, log, open } = yield* late
    const resource = yield* resourceOf(open)
    const opening = yield* Effect.fork(Effect.interruptible(resource.open))
    yield* settled
    // The interruption does not wait for it.
    yield* Fiber.interrupt(opening)
    yield* answer
    expect(log).toEqual(["opened"])
    yield* resource.close
    expect(log).toEqual(["opened", "closed"])
  }))

it.effect("a close waits for an opening that ignores its interruption: what it opens is closed at once, and then it is closed", () =>
  Effect.gen(function*() {
    const { answer, log, open } = yield* late
    const resource = yield* resourceOf(open)
    const opening = yield* Effect.fork(Effect.interruptible(resource.open))
    yield* settled
    yield* Fiber.interrupt(opening)
    const closing = yield* Effect.fork(resource.close)
    yield* settled
    expect(yield* Fiber.poll(closing)).toEqual(Option.none())
    yield* answer
    expect(log).toEqual(["opened", "closed"])
    expect(yield* Fiber.join(closing)).toEqual(CloseOutcome.Closed())
  }))

it.effect("a close gives up on it after closeTimeout: what it opens after that is closed all the same", () =>
  Effect.gen(function*() {
    const { answer, log, open } = yield* late
    const resource = yield* resourceOf(open, { connectTimeout: "1 second", closeTimeout: "2 seconds" })
    yield* endsAfter(resource.open, 1_000)
    expect(yield* endsAfter(resource.close, 2_000)).toEqual(Exit.succeed(CloseOutcome.Aborted()))
    yield* answer
    expect(log).toEqual(["opened", "closed"])
  }))

it.effect("an opening that has not begun when the resource is closed begins nothing", () =>
  Effect.gen(function*() {
    const { log, open } = yield* late
    const resource = yield* resourceOf(Effect.zipRight(Effect.sync(() => log.push("begun")), open))
    expect(yield* resource.close).toEqual(CloseOutcome.Closed())
    expect(Exit.isInterrupted(yield* Effect.exit(resource.open))).toBe(true)
    expect(log).toEqual([])
  }))

it.effect("a try's Scope is closed with its failure before the next try begins", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    let tries = 0
    const open = Effect.gen(function*() {
      const number = ++tries
      yield* Effect.addFinalizer((exit) =>
        Effect.sync(() => log.push(`${number} closed after ${Exit.isFailure(exit) ? "failure" : "success"}`))
      )
      log.push(`${number} begun`)
      if (number < 3) return yield* Effect.fail("refused")
      return number
    })
    const resource = yield* resourceOf(open, { connectRetry: Schedule.recurs(5) })
    yield* resource.open
    expect(resource.connection).toBe(3)
    expect(log).toEqual(["1 begun", "1 closed after failure", "2 begun", "2 closed after failure", "3 begun"])
    yield* resource.close
    expect(log.at(-1)).toBe("3 closed after success")
  }))

it.effect("the time bounds all tries together", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* fakeResource({
      connectTimeout: "10 seconds",
      connectRetry: Schedule.spaced("3 seconds")
    })
    yield* fake.set("open", FakeConnector.fail())
    const error = yield* errorOf(yield* endsAfter(resource.open, 10_000))
    expect(error).toMatchObject({ _tag: "ConnectTimeout" })
    expect((yield* fake.counts).opening).toBe(4)
    yield* TestClock.adjust("1 minute")
    expect((yield* fake.counts).opening).toBe(4)
  }))

it.effect("a try that died is not tried again, and what it had opened is closed", () =>
  Effect.gen(function*() {
    let closed = 0
    const open = Effect.zipRight(Effect.addFinalizer(() => Effect.sync(() => ++closed)), Effect.die("bug"))
    const resource = yield* resourceOf(open, { connectRetry: Schedule.forever })
    expect(yield* Effect.exit(resource.open)).toEqual(Exit.die("bug"))
    expect(closed).toBe(1)
  }))
