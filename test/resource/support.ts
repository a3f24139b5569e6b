/** One connection on its own, of a connector that does what a test says. */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Source } from "../../packages/core/src/model/connector.js"
import { decode } from "../../packages/core/src/model/settings.js"
import * as Resource from "../../packages/core/src/resource/Resource.js"

/** A resource of a connector. */
export const resourceOf = <A, E, R>(connector: Source<A, E, R>, tuning: PoolOptions.Tuning = {}) =>
  Effect.map(decode({ ...tuning, connector }), (settings) => Resource.make(settings))

/** A resource on a fake server. */
export const fakeResource = (tuning: PoolOptions.Tuning = {}, fakeOptions: FakeConnector.FakeOptions = {}) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make(fakeOptions)
    return { fake, resource: yield* resourceOf(fake.connector, tuning) }
  })

/** An open one. */
export const openResource = (tuning: PoolOptions.Tuning = {}, fakeOptions: FakeConnector.FakeOptions = {}) =>
  Effect.tap(fakeResource(tuning, fakeOptions), ({ resource }) => resource.open)

/** How a step ends that has exactly so much time, and that it does not end before. */
export const endsAfter = <A, E, R>(step: Effect.Effect<A, E, R>, millis: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(step)
    yield* TestClock.adjust(Math.max(0, millis - 1))
    const early = yield* Fiber.poll(fiber)
    if (millis > 0 && early._tag === "Some") return yield* Effect.dieMessage(`ended before ${millis} ms`)
    yield* TestClock.adjust(Math.min(1, millis))
    const late = yield* Fiber.poll(fiber)
    if (late._tag === "None") return yield* Effect.dieMessage(`had not ended after ${millis} ms`)
    return late.value
  })

/** What a step failed with. */
export const errorOf = <A, E>(exit: Exit.Exit<A, E>): Effect.Effect<E, A> => Effect.flip(exit)
