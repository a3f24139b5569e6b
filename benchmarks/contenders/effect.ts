/** What Effect 3 itself has. */
import * as Effect from "effect/Effect"
import * as Pool from "effect/Pool"
import type { EffectContender, Settings } from "../model.js"
import { canAll, Connection } from "../model.js"

const within =
  ({ acquireTimeout }: Settings) => <A, E, R>(wait: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, R> =>
    acquireTimeout === undefined ? wait : Effect.timeout(wait, acquireTimeout)

const pool: EffectContender = {
  _tag: "Effect",
  name: "Effect's Pool",
  role: "Pool",
  can: canAll,
  make: (settings) =>
    Effect.map(
      Pool.make({ acquire: Effect.sync(() => new Connection()), size: settings.maxSize }),
      (pool) => {
        const get = within(settings)(Pool.get(pool))
        return settings.usedOnce
          ? (body) =>
            Effect.scoped(
              Effect.flatMap(get, (connection) => Effect.zipLeft(body(connection), Pool.invalidate(pool, connection)))
            )
          : (body) => Effect.scoped(Effect.flatMap(get, body))
      }
    )
}

const semaphore: EffectContender = {
  _tag: "Effect",
  name: "Effect's Semaphore",
  role: "Pool",
  can: { ...canAll, retire: "has no connections" },
  make: (settings) =>
    Effect.map(Effect.makeSemaphore(settings.maxSize), (semaphore) => {
      const connection = new Connection()
      return (body) => within(settings)(semaphore.withPermits(1)(Effect.suspend(() => body(connection))))
    })
}

export const contenders = [pool, semaphore]
