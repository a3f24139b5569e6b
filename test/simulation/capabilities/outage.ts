/**
 * The server goes away and comes back: sessions are killed, one by one or all, and for a while nobody is let in.
 *
 * Promise: when it is back, the pool comes back by itself: what is asked of a pool at rest is asked after it.
 */
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import type { Site } from "../stage.js"
import { capability } from "../stage.js"

interface Kill {
  readonly at: number
  readonly connection: number
}

export const kills = capability<Kill>({
  name: "kill",
  count: (profile, numbers) => profile === "calm" ? 0 : numbers.below(3),
  draw: (numbers) => ({ at: numbers.below(80), connection: numbers.below(6) }),
  run: ({ fake, tell }, { at, connection }) =>
    Effect.delay(
      Effect.suspend(() => {
        tell(`connection ${connection} is killed`)
        return fake.kill(connection)
      }),
      at
    )
})

const whileDown = {
  refused: () => FakeConnector.fail("told to refuse"),
  slow: () => FakeConnector.slow(12, FakeConnector.fail("told to refuse")),
  hung: ({ hang }: Site) => hang
}

interface Outage {
  readonly at: number
  readonly lasts: number
  readonly how: keyof typeof whileDown
  /** The server kills its sessions; else they only do not answer. */
  readonly kills: boolean
}

export const outages = capability<Outage>({
  name: "outage",
  count: (profile, numbers) => profile === "outage" ? 1 + numbers.below(2) : numbers.chance(0.05) ? 1 : 0,
  draw: (numbers) => ({
    at: numbers.below(60),
    lasts: 1 + numbers.below(numbers.pick([20, 200])),
    how: numbers.pick(["refused", "slow", "hung"]),
    kills: numbers.chance(0.6)
  }),
  run: (stage, { at, how, kills, lasts }) =>
    Effect.gen(function*() {
      const { fake, tell } = stage
      const down = whileDown[how](stage)
      yield* Effect.sleep(at)
      tell("the server is down")
      for (const step of ["open", "check", "ping"] as const) yield* fake.set(step, down)
      const { opened } = yield* fake.counts
      if (kills) yield* Effect.forEach(Array.from({ length: opened + 1 }, (_, id) => id), fake.kill, { discard: true })
      yield* Effect.sleep(lasts)
      tell("the server is up")
      for (const step of ["open", "check", "ping"] as const) yield* fake.set(step, FakeConnector.ok)
    })
})
