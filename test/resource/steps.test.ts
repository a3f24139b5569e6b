import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { settled } from "../support/pool.js"
import { endsAfter, errorOf, openResource, resourceOf } from "./support.js"

const tuning = { checkTimeout: "2 seconds", resetTimeout: "4 seconds" } as const

const counted = { check: "checked", ping: "pinged", reset: "reset" } as const

for (
  const { millis, step } of [{ step: "check", millis: 2_000 }, { step: "ping", millis: 2_000 }, {
    step: "reset",
    millis: 4_000
  }] as const
) {
  const opened = Effect.map(openResource(tuning), ({ fake, resource }) => ({
    fake,
    run: step === "reset" ? resource.reset : resource.check(step)
  }))

  it.effect(`a ${step} that passes passes`, () =>
    Effect.gen(function*() {
      const { fake, run } = yield* opened
      expect(Exit.isSuccess(yield* Effect.exit(run))).toBe(true)
      expect(yield* fake.counts).toMatchObject({ [counted[step]]: 1 })
    }))

  it.effect(`a ${step} that takes just less than its time passes`, () =>
    Effect.gen(function*() {
      const { fake, run } = yield* opened
      yield* fake.next(step, FakeConnector.slow(millis - 1))
      expect(Exit.isSuccess(yield* endsAfter(run, millis - 1))).toBe(true)
    }))

  it.effect(`a ${step} that fails or dies does so`, () =>
    Effect.gen(function*() {
      const { fake, run } = yield* opened
      const error = new FakeConnector.FakeError({ step, reason: "gone" })
      yield* fake.next(step, FakeConnector.fail("gone", step), FakeConnector.die("bug"))
      expect(yield* Effect.exit(run)).toEqual(Exit.fail(error))
      expect(yield* Effect.exit(run)).toEqual(Exit.die("bug"))
    }))

  for (
    const [name, behaviour] of [
      ["hangs", FakeConnector.hang],
      ["ignores its interruption", FakeConnector.stick],
      ["takes too long", FakeConnector.slow(millis + 1)]
    ] as const
  ) {
    it.effect(`a ${step} that ${name} ends at its time`, () =>
      Effect.gen(function*() {
        const { fake, run } = yield* opened
        yield* fake.next(step, behaviour)
        const error = yield* errorOf(yield* endsAfter(run, millis))
        expect(error).toMatchObject({ _tag: "StepTimeout", after: millis })
        expect((error as Error).message).toContain(`Timeout (${millis / 1_000}s)`)
      }))
  }

  it.effect(`a ${step} that ignores its interruption does not hold up who interrupts it`, () =>
    Effect.gen(function*() {
      const { fake, run } = yield* opened
      yield* fake.next(step, FakeConnector.stick)
      const fiber = yield* Effect.fork(run)
      yield* settled
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    }))
}

it.effect("without a step of its kind a connection passes", () =>
  Effect.gen(function*() {
    const resource = yield* resourceOf(Effect.succeed("connection"))
    yield* resource.open
    yield* Effect.all([resource.check("check"), resource.check("ping"), resource.reset])
    expect(resource.condition).toBe("Clean")
  }))

it.effect("a connector with one of check and ping does with it for both", () =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const ask = (name: string) => () => Effect.sync(() => asked.push(name))
    const open = Effect.succeed("connection")
    for (const steps of [{ check: ask("check") }, { ping: ask("ping") }, { check: ask("check"), ping: ask("ping") }]) {
      const resource = yield* resourceOf(Connector.make({ open, ...steps }))
      yield* resource.open
      yield* Effect.all([resource.check("check"), resource.check("ping")])
    }
    expect(asked).toEqual(["check", "check", "ping", "ping", "check", "ping"])
  }))

const yes = () => true
const no = () => false
const throws = () => {
  throw new Error("a bug in the connector")
}
const reset = () => Effect.void

for (
  const { condition, name, steps } of [
    { name: "nothing", steps: {}, condition: "Clean" },
    { name: "a reset", steps: { reset }, condition: "NeedsReset" },
    { name: "a reset that is needed", steps: { reset, needsReset: yes }, condition: "NeedsReset" },
    { name: "a reset that is not needed", steps: { reset, needsReset: no }, condition: "Clean" },
    { name: "a needsReset without a reset", steps: { needsReset: yes }, condition: "Clean" },
    { name: "isBroken that is false", steps: { isBroken: no }, condition: "Clean" },
    { name: "isBroken that is true", steps: { isBroken: yes, reset, needsReset: yes }, condition: "Broken" },
    { name: "isBroken that throws", steps: { isBroken: throws }, condition: "Broken" },
    { name: "needsReset that throws", steps: { reset, needsReset: throws }, condition: "Broken" }
  ]
) {
  it.effect(`a connection of a connector with ${name} comes back as ${condition}`, () =>
    Effect.gen(function*() {
      const resource = yield* resourceOf(Connector.make({ open: Effect.succeed("connection"), ...steps }))
      yield* resource.open
      expect(resource.condition).toBe(condition)
    }))
}

it.effect("isBroken and needsReset are asked about the connection, and not about what was reset before", () =>
  Effect.gen(function*() {
    const { fake, resource } = yield* openResource()
    expect(resource.condition).toBe("Clean")
    resource.connection.dirty()
    expect(resource.condition).toBe("NeedsReset")
    yield* resource.reset
    expect(resource.condition).toBe("Clean")
    yield* fake.kill(0)
    expect(resource.condition).toBe("Broken")
  }))

it.effect("a listener is told of the connection's death, and at once of what the connector throws", () =>
  Effect.gen(function*() {
    const heard: Array<unknown> = []
    const { fake, resource } = yield* openResource()
    resource.listen((reason) => heard.push(reason), () => {})
    expect(heard).toEqual([])
    yield* fake.kill(0)
    expect(heard).toEqual(["it was killed"])
    const bug = new Error("a bug in the connector")
    const other = yield* resourceOf(Connector.make({
      open: Effect.succeed("connection"),
      onLost: () => {
        throw bug
      }
    }))
    yield* other.open
    other.listen((reason) => heard.push(reason), () => {})
    expect(heard.slice(1)).toEqual([bug])
  }))
