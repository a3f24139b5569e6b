/** The same scenario on Cenote and on Effect's own Pool: what a defect is has to be seen on the pool that has it. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Pool from "effect/Pool"
import type * as Scope from "effect/Scope"

export type Connection = FakeConnector.FakeConnection

/** What both pools can do. */
export interface Subject {
  readonly get: Effect.Effect<Connection, unknown, Scope.Scope>
  readonly invalidate: (connection: Connection) => Effect.Effect<void>
}

export interface Size {
  readonly min: number
  readonly max: number
}

export type Make = (fake: FakeConnector.FakeConnector, size: Size) => Effect.Effect<Subject, unknown, Scope.Scope>

export const cenote: Make = ({ connector }, { max, min }) =>
  Effect.map(ConnectionPool.make({ connector, maxSize: max, minSize: min }), (pool) => ({
    get: pool.get,
    invalidate: pool.invalidate
  }))

/** Effect's pool; a connection is opened by the connector's `open` alone, the only step that it has. */
export const effects: Make = ({ connector }, { max, min }) =>
  Effect.map(
    min === max
      ? Pool.make({ acquire: connector.open, size: max })
      : Pool.makeWithTTL({ acquire: connector.open, min, max, timeToLive: "10 minutes" }),
    (pool): Subject => ({
      get: Pool.get(pool),
      invalidate: (connection) => Effect.scoped(Pool.invalidate(pool, connection))
    })
  )

/** Lets everything happen that needs no time. */
export const settled: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 200)

/** Whether a fiber has ended by now. */
export const hasEnded = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(Effect.zipRight(settled, Fiber.poll(fiber)), (exit) => exit._tag === "Some")

/** Runs a scenario on a server and a pool of its own. */
export const scenario = <A, E>(
  make: Make,
  size: Size,
  run: (subject: Subject, fake: FakeConnector.FakeConnector) => Effect.Effect<A, E, Scope.Scope>,
  prepare: (fake: FakeConnector.FakeConnector) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<A, unknown> =>
  Effect.scoped(
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      yield* prepare(fake)
      const subject = yield* make(fake, size)
      return yield* run(subject, fake)
    })
  )
