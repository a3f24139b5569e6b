import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import { FakeConnector, World } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import type { FakePool } from "../support/pool.js"

const ways = {
  use: (pool: FakePool) => pool.use(() => Effect.sleep(5)),
  get: (pool: FakePool) => Effect.scoped(Effect.zipRight(pool.get, Effect.sleep(5))),
  lease: (pool: FakePool) => Effect.scoped(Effect.zipRight(pool.lease(), Effect.sleep(5)))
}

/** A caller that waits and is then served, and is interrupted at one of its operations; whether it came to that one, and the events. */
const interruptedAt = (operation: number, ask: (pool: FakePool) => Effect.Effect<void, unknown>) => {
  let target: World.AnyFiber | undefined
  let operations = 0
  const events: Array<PoolEvent> = []
  const world = new World.World({
    ...World.inOrder,
    preempts: (fiber) => {
      if (fiber === target && ++operations === operation) fiber.unsafeInterruptAsFork(FiberId.none)
      return false
    }
  })
  const exit = world.run(Effect.scoped(Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector, maxSize: 1 })
    yield* Effect.forkScoped(Stream.runForEach(pool.events, (event) => Effect.sync(() => events.push(event))))
    yield* Effect.sleep(1)
    const before = yield* Effect.fork(pool.use(() => Effect.sleep(10)))
    yield* Effect.sleep(1)
    target = yield* Effect.fork(ask(pool))
    yield* Fiber.await(target)
    yield* Fiber.join(before)
    yield* Effect.sleep(20)
  })))
  expect(exit).toEqual(Exit.void)
  return { wasThere: operations >= operation, events }
}

for (const [name, ask] of Object.entries(ways)) {
  it(`wherever a ${name} is interrupted, the events tell the end of each lease whose beginning they told`, () => {
    for (let operation = 1;; operation++) {
      const { events, wasThere } = interruptedAt(operation, ask)
      const leases = (tag: "Acquired" | "Released") =>
        events.flatMap((event) => event._tag === tag ? [event.lease] : [])
      expect(leases("Released").sort(), `interrupted at operation ${operation}`).toEqual(leases("Acquired").sort())
      if (!wasThere) break
    }
  })
}
