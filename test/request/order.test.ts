import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withPool } from "../support/pool.js"
import { hold } from "./support.js"

/** In which order idle connections are handed out that came back in the order 2, 0, 1. */
const handedOut = (tuning: Parameters<typeof withPool>[0]) =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* Effect.forEach([2, 0, 1], (index) => holders[index]!.release)
      const again = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      return again.map(({ id }) => id)
    }))

it.effect("the last connection to come back is handed out first, where nobody says otherwise", () =>
  Effect.gen(function*() {
    expect(yield* handedOut({})).toEqual([1, 0, 2])
    expect(yield* handedOut({ order: "lifo" })).toEqual([1, 0, 2])
  }))

it.effect("with order \"fifo\" the first connection to come back is handed out first", () =>
  Effect.gen(function*() {
    expect(yield* handedOut({ order: "fifo" })).toEqual([2, 0, 1])
  }))

const turns = (order: "lifo" | "fifo") =>
  withPool({ order }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* Effect.forEach(holders, ({ release }) => release)
      return yield* Effect.forEach([1, 2, 3, 4], () => pool.use(({ id }) => Effect.succeed(id)))
    }))

it.effect("\"lifo\" uses one connection over and over, \"fifo\" all of them in turn", () =>
  Effect.gen(function*() {
    expect(yield* turns("lifo")).toEqual([2, 2, 2, 2])
    expect(yield* turns("fifo")).toEqual([0, 1, 2, 0])
  }))
