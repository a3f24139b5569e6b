/** Operations on a keyed pool, whose steps are those of one key and of another. */
import type * as KeyedPool from "@cenote/core/KeyedPool"
import type { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import type { KeysEntry } from "../../packages/core/src/allocator/keys/KeysAllocator.js"
import { make } from "../../packages/core/src/request/keys/make.js"
import { fromCore } from "../../packages/core/src/request/keys/pool.js"
import type { FakeKeyed, KeyedTuning } from "../support/keyed.js"
import { brokenInKeys } from "../support/keyed.js"
import { isTold } from "../support/schedulers.js"
import type { Operation } from "./sweep.js"

type Connection = FakeConnector.FakeConnection

const body = ({ call }: Connection) => Effect.zipRight(call, Effect.yieldNow())

/** Longer than whoever stands still does, in milliseconds. */
const LONG = 120_000

const onKeys = (options: {
  readonly name: string
  readonly tuning: KeyedTuning
  readonly prepare?: (pool: FakeKeyed) => Effect.Effect<unknown, unknown>
  readonly act: (pool: FakeKeyed) => Effect.Effect<unknown, unknown>
}): Operation => ({
  name: options.name,
  run: ({ aim, fake }) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const ref = yield* TRef.make(List.empty<KeysEntry>())
      const connector: KeyedPool.KeyedOptions<string, Connection, FakeConnector.FakeError, never>["connector"] = () =>
        fake.connector
      const pool = fromCore(yield* Scope.extend(make({ ...options.tuning, connector }, ref), scope))
      yield* options.prepare?.(pool) ?? Effect.void
      const closer = yield* Effect.forkDaemon(Effect.zipRight(aim.closing, Scope.close(scope, Exit.void)))
      const exit = yield* aim.on(options.act(pool))
      if (aim.closes) yield* Fiber.join(closer)
      const problems: Array<string> = []
      if (Exit.isFailure(exit) && ![...Cause.defects(exit.cause)].every(isTold)) problems.push(Cause.pretty(exit.cause))
      yield* Effect.sleep(LONG)
      const { hungryKeys, leases, phase, waiting } = yield* pool.stats
      if (leases + waiting + hungryKeys > 0) {
        problems.push(`${leases} leases, ${waiting} waiters and ${hungryKeys} hungry keys at rest`)
      }
      if (phase === "running") {
        const again = yield* Effect.exit(pool.use("c", body))
        if (Exit.isFailure(again)) problems.push(`capacity is lost: ${Cause.pretty(again.cause)}`)
      }
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep(LONG)
      if ((yield* pool.stats).phase !== "closed") problems.push("the pool is not closed in the end")
      return [...problems, ...brokenInKeys(List.toArray(List.reverse(yield* TRef.get(ref))))]
    })
})

const tuning: KeyedTuning = { maxPerKey: 1, maxTotal: 1, acquireTimeout: "5 seconds", shutdownTimeout: "10 seconds" }

export const keyed: ReadonlyArray<Operation> = [
  onKeys({
    name: "a use of a key that is new, for which another key's idle connection ends",
    tuning,
    prepare: (pool) => pool.use("a", body),
    act: (pool) => pool.use("b", body)
  }),
  onKeys({
    name: "a use of a key that waits for a connection of another key to come back",
    tuning,
    prepare: (pool) => Effect.zipRight(Effect.forkDaemon(pool.use("a", () => Effect.sleep(10))), Effect.sleep(1)),
    act: (pool) => Effect.scoped(Effect.flatMap(pool.get("b"), body))
  }),
  onKeys({
    name: "a key that is forgotten and used",
    tuning,
    prepare: (pool) => pool.use("a", body),
    act: (pool) => Effect.zipRight(pool.forget("a"), pool.use("a", body))
  })
]
