/** What cases are made of. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Connection, Point, PromisePool, Settings, Use } from "../model.js"

export const settings = (maxSize: number): Settings => ({ maxSize, usedOnce: false, acquireTimeout: undefined })

/** Does it `times` times, one after the other. */
export const repeat = <E>(times: number, step: () => Effect.Effect<unknown, E>): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    let done = 0
    return Effect.whileLoop({ while: () => done < times, body: step, step: () => void done++ })
  })

/** As many fibers as the point says at once, which share the operations. */
export const fibers = (
  use: Use,
  { operations, size }: Point,
  hold: (connection: Connection) => Effect.Effect<void>
): Effect.Effect<void, unknown> =>
  Effect.forEach(Array.from({ length: size }), () => repeat(operations / size, () => use(hold)), {
    concurrency: "unbounded",
    discard: true
  })

/** The same with async functions. */
export const functions = async (
  { acquire, release }: PromisePool,
  { operations, size }: Point,
  hold: () => Promise<void>
): Promise<void> => {
  const one = async () => {
    for (let done = 0; done < operations / size; done++) {
      const connection = await acquire()
      await hold()
      const released = release(connection)
      if (released !== undefined) await released
    }
  }
  await Promise.all(Array.from({ length: size }, one))
}

/** Opens all of a pool's connections: as many are held at one time. */
export const fill = (use: Use, maxSize: number): Effect.Effect<void, unknown> =>
  Effect.flatMap(Deferred.make<void>(), (all) => {
    let held = 0
    const hold = () => Effect.suspend(() => ++held === maxSize ? Deferred.succeed(all, undefined) : Deferred.await(all))
    return fibers(use, { size: maxSize, operations: maxSize }, () => Effect.asVoid(hold()))
  })

export const fillPromises = async ({ acquire, release }: PromisePool, maxSize: number): Promise<void> => {
  const held = await Promise.all(Array.from({ length: maxSize }, () => acquire()))
  await Promise.all(held.map((connection) => release(connection)))
}
