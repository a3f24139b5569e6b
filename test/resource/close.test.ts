import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { CloseOutcome } from "../../packages/core/src/model/events.js"
import { settled } from "../support/pool.js"
import { endsAfter, fakeResource, openResource, resourceOf } from "./support.js"

it.effect("a close runs the finalizers, the last one first, and says Closed", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const finalizer = (name: string) => Effect.addFinalizer(() => Effect.sync(() => log.push(name)))
    const resource = yield* resourceOf(Effect.zipRight(finalizer("socket"), finalizer("session")))
    yield* resource.open
    expect(yield* resource.close).toEqual(CloseOutcome.Closed())
    expect(log).toEqual(["session", "socket"])
  }))

it.effect("closing what was never opened, or failed to open, is Closed", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* fakeResource()
    yield* fake.next("open", FakeConnector.fail())
    yield* Effect.exit(resource.open)
    expect(yield* resource.close).toEqual(CloseOutcome.Closed())
    expect((yield* fake.counts).closing).toBe(0)
  }))

it.effect("finalizers run once, however often it is closed", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource()
    yield* resource.close
    yield* resource.close
    yield* resource.finalize
    expect((yield* fake.counts).closing).toBe(1)
  }))

it.effect("a finalizer that dies is a Failed close with its cause, and the other finalizers run all the same", () =>
  Effect.gen(function*() {
    let closed = 0
    const resource = yield* resourceOf(Effect.zipRight(
      Effect.addFinalizer(() => Effect.sync(() => ++closed)),
      Effect.addFinalizer(() => Effect.die("burst"))
    ))
    yield* resource.open
    expect(yield* resource.close).toEqual(CloseOutcome.Failed({ cause: Cause.die("burst") }))
    expect(closed).toBe(1)
  }))

it.effect("a finalizer that interrupts itself is a Failed close", () =>
  Effect.gen(function*() {
    const resource = yield* resourceOf(Effect.addFinalizer(() => Effect.interrupt))
    yield* resource.open
    expect(yield* resource.close).toMatchObject({ _tag: "Failed" })
  }))

it.effect("a close that takes just less than its time is Closed, and nothing is aborted", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource({ closeTimeout: "3 seconds" })
    yield* fake.next("close", FakeConnector.slow("2999 millis"))
    expect(yield* endsAfter(resource.close, 2_999)).toEqual(Exit.succeed(CloseOutcome.Closed()))
    expect(yield* fake.counts).toMatchObject({ closed: 1, aborted: 0 })
  }))

for (
  const [name, behaviour] of [
    ["hangs", FakeConnector.hang],
    ["ignores its interruption", FakeConnector.stick],
    ["takes too long", FakeConnector.slow("1 minute")]
  ] as const
) {
  it.effect(`a close that ${name} is Aborted at its time, once`, () =>
    Effect.gen(function*() {
      const { fake, resource } = yield* openResource({ closeTimeout: "3 seconds" })
      yield* fake.next("close", behaviour)
      expect(yield* endsAfter(resource.close, 3_000)).toEqual(Exit.succeed(CloseOutcome.Aborted()))
      expect(yield* fake.counts).toMatchObject({ closing: 1, aborted: 1, alive: 0 })
    }))
}

it.effect("a close without a bound waits for as long as it takes", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource({ closeTimeout: Infinity })
    yield* fake.next("close", FakeConnector.slow("2 days"))
    expect(yield* endsAfter(resource.close, 2 * 86_400_000)).toEqual(Exit.succeed(CloseOutcome.Closed()))
  }))

it.effect("a connector without abort is given up on all the same", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource({ closeTimeout: "3 seconds" }, { abort: false })
    yield* fake.next("close", FakeConnector.stick)
    expect(yield* endsAfter(resource.close, 3_000)).toEqual(Exit.succeed(CloseOutcome.Aborted()))
    expect((yield* fake.counts).aborted).toBe(0)
  }))

it.effect("what an abort throws is ignored", () =>
  Effect.gen(function*() {
    const resource = yield* resourceOf(
      Connector.make({
        open: Effect.addFinalizer(() => Effect.never),
        abort: () => {
          throw new Error("a bug in the connector")
        }
      }),
      { closeTimeout: "1 second" }
    )
    yield* resource.open
    resource.abort()
    expect(yield* endsAfter(resource.close, 1_000)).toEqual(Exit.succeed(CloseOutcome.Aborted()))
  }))

it.effect("what was never opened is not aborted", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* fakeResource()
    resource.abort()
    expect((yield* fake.counts).aborted).toBe(0)
  }))

/** An opening that hangs when it has a socket already, which takes its time to close. */
const halfOpen = (closing: Effect.Effect<unknown>) =>
  resourceOf(Effect.zipRight(Effect.addFinalizer(() => closing), Effect.never), {
    connectTimeout: "2 seconds",
    closeTimeout: "3 seconds"
  })

it.effect("a close waits for what an opening that was given up on has to close", () =>
  Effect.gen(function*() {
    const resource = yield* halfOpen(Effect.sleep("1 second"))
    expect(yield* endsAfter(resource.open, 2_000)).toMatchObject({ _tag: "Failure" })
    expect(yield* endsAfter(resource.close, 1_000)).toEqual(Exit.succeed(CloseOutcome.Closed()))
  }))

it.effect("what an opening that was given up on does not close in time is Aborted, and closed once", () =>
  Effect.gen(function*() {
    const answer = yield* Deferred.make<void>()
    let closed = 0
    const resource = yield* halfOpen(Effect.zipRight(Deferred.await(answer), Effect.sync(() => ++closed)))
    expect(yield* endsAfter(resource.open, 2_000)).toMatchObject({ _tag: "Failure" })
    expect(yield* endsAfter(resource.close, 3_000)).toEqual(Exit.succeed(CloseOutcome.Aborted()))
    yield* Deferred.succeed(answer, undefined)
    yield* settled
    expect(closed).toBe(1)
  }))

it.effect("an abort makes a close that waited for the connection end", () =>
  Effect.gen(function*() {
    const dead = yield* Deferred.make<void>()
    const resource = yield* resourceOf(Connector.make({
      open: Effect.addFinalizer(() => Deferred.await(dead)),
      abort: () => Deferred.unsafeDone(dead, Exit.void)
    }))
    yield* resource.open
    const closing = yield* Effect.fork(resource.close)
    yield* settled
    resource.abort()
    expect(yield* Fiber.join(closing)).toEqual(CloseOutcome.Closed())
  }))

it.effect("a close that is interrupted runs the finalizers to their end, once", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource()
    const gate = yield* FakeConnector.makeGate
    yield* fake.next("close", FakeConnector.wait(gate))
    const closing = yield* Effect.fork(resource.close)
    yield* settled
    yield* Fiber.interrupt(closing)
    yield* gate.open
    yield* settled
    yield* resource.close
    expect(yield* fake.counts).toMatchObject({ closing: 1, closed: 1 })
  }))
