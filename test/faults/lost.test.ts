import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { withPool } from "../support/pool.js"

const forever = { idleTimeout: Duration.infinity, maxLifetime: Duration.infinity, keepalive: Duration.infinity }

for (const [name, tuning] of Object.entries({ "is due for something": {}, "is never due for anything": forever })) {
  it.effect(`an idle connection that dies is closed at once, where it was opened for nobody and ${name}`, () =>
    withPool({ minSize: 1, maxSize: 1, ...tuning }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust(0)
        expect((yield* pool.stats).idle).toBe(1)
        yield* fake.kill(0)
        yield* TestClock.adjust(0)
        expect((yield* fake.counts).closed).toBe(1)
      })))
}
