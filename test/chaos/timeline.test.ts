import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { noFront } from "./databases/database.js"
import type { Fault, World } from "./faults/fault.js"
import { run } from "./timeline.js"
import type { Workload } from "./workload.js"

it.effect("a fault's end that gives up on what never succeeds goes on without it", () =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const fault: Fault = {
      name: "disk-full",
      what: "",
      leaves: [],
      begin: () => Effect.sync(() => said.push("begun")),
      end: () =>
        Effect.zipRight(
          Effect.timeoutOption(Effect.never, "3 seconds"),
          Effect.sync(() => said.push("given up on"))
        )
    }
    const workload = {
      enter: (period: string) => said.push(period),
      recovered: Effect.delay(Effect.succeed(1_000), "1 second")
    } as unknown as Workload
    const world = { front: noFront, proxy: { reap: () => said.push("reaped") } } as unknown as World
    const isOver = Effect.sync(() => said.includes("reaped"))
    const running = yield* Effect.fork(run(world, workload, Effect.succeed(fault), 0, isOver, () => {}))
    // Calm, the longest fault, its end, what is felt after it, and calm.
    yield* TestClock.adjust("10 seconds")
    expect(said).toEqual(["disk-full", "begun", "given up on", "reaped", "calm"])
    expect(yield* Fiber.join(running)).toMatchObject([{ fault: "disk-full", recovery: 1_000 }])
  }))
