/** The same scenario on Cenote and on Effect's own Pool: what a defect is has to be seen on the pool that has it. */
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Pool from "effect/Pool"
import type * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { decode } from "../../packages/core/src/model/settings.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"

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

/** Cenote's. When it is closed, every promise must have been kept, and every connection that was opened be closed. */
export const cenote: Make = (fake, { max, min }) =>
  Effect.gen(function*() {
    const options = { connector: fake.connector, maxSize: max, minSize: min }
    const { rules } = yield* decode(options)
    const history = yield* TRef.make(List.empty<Entry>())
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        const entries = List.toArray(List.reverse(yield* TRef.get(history)))
        const { closing, opened } = yield* fake.counts
        const problems = [
          ...entries.flatMap(({ input, state }) => brokenBy(state, input.now)),
          ...brokenIn(initial(rules), entries),
          ...opened === closing ? [] : [`${opened} connections were opened, and ${closing} closed`]
        ]
        if (problems.length > 0) return yield* Effect.dieMessage(problems.join("\n"))
      })
    )
    const pool = fromCore(yield* make(options, history))
    return { get: pool.get, invalidate: pool.invalidate }
  })

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
