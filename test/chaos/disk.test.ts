import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { PostgresError } from "../support/postgres.js"
import { recover } from "./faults/disk.js"
import type { World } from "./faults/fault.js"

it.effect("a server that is not well though it has room again is killed and started, also in a finalizer", () =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const server = {
      start: Effect.sync(() => {
        if (said.at(-1) === "killed") said.push("started")
      }),
      kill: Effect.sync(() => said.push("killed")),
      query: () =>
        Effect.suspend(() => said.includes("started") ? Effect.void : new PostgresError({ message: "Not yet" }))
    }
    const recovery = yield* Effect.fork(
      Effect.ensuring(Effect.void, Effect.orDie(recover({ server } as unknown as World)))
    )
    yield* TestClock.adjust(2_999)
    expect(said).toEqual([])
    yield* TestClock.adjust(1)
    expect(said).toEqual(["killed", "started"])
    expect(yield* Fiber.join(recovery)).toBeUndefined()
  }))
