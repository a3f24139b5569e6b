import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { currentFiber } from "../../packages/core/src/request/currentFiber.js"

it.effect("the fiber that asks is the one that Effect says runs, also in a child and after a wait", () =>
  Effect.gen(function*() {
    const both = Effect.sync(() => [currentFiber(), Option.getOrUndefined(Fiber.getCurrentFiber())] as const)
    const [mine, told] = yield* both
    expect(mine).toBe(told)
    expect(mine?.id()).toEqual(yield* Effect.fiberId)
    const child = yield* Effect.fork(Effect.zipRight(Effect.yieldNow(), both))
    const [its, toldIt] = yield* Fiber.join(child)
    expect(its).toBe(toldIt)
    expect(its).not.toBe(mine)
    expect((yield* both)[0]).toBe(mine)
  }))

it("where no fiber runs there is none", () => {
  expect(currentFiber()).toBeUndefined()
})
