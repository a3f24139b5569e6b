/** SqlRunnerStorage of @effect/cluster, which keeps a connection for its locks, and a cluster of one on it. */
import * as ClusterSchema from "@effect/cluster/ClusterSchema"
import * as Entity from "@effect/cluster/Entity"
import * as Runner from "@effect/cluster/Runner"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardId from "@effect/cluster/ShardId"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SingleRunner from "@effect/cluster/SingleRunner"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as Rpc from "@effect/rpc/Rpc"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Subject, Test } from "./subject.js"
import { atRest } from "./subject.js"

const shards = [1, 2, 3].map((id) => ShardId.make("default", id))

const numbers = (shards: ReadonlyArray<ShardId.ShardId>) => shards.map(({ id }) => id).sort()

const runner = (port: number) =>
  Runner.make({ address: RunnerAddress.make("localhost", port), groups: ["default"], weight: 1 })

/** What one runner has of the storage, until the Scope closes. */
const storage = (prefix: string, config: Partial<ShardingConfig.ShardingConfig["Type"]> = {}) =>
  Effect.map(
    Layer.build(Layer.provide(SqlRunnerStorage.layerWith({ prefix }), ShardingConfig.layer(config))),
    Context.get(RunnerStorage.RunnerStorage)
  )

let prefixes = 0

/** For tables that nobody else uses. */
const prefix = Effect.sync(() => `runners_${prefixes++}`)

/** Tries again until the storage has another connection. */
const recovered = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced(20), times: 200 })

const [first, second] = [runner(1), runner(2)]

const registry = <P, R>(test: Test<P, R>): void => {
  test(
    "SqlRunnerStorage: knows the runners that are registered, and how they are",
    Effect.gen(function*() {
      const { getRunners, register, setRunnerHealth, unregister } = yield* storage(yield* prefix)
      const machine = yield* register(first, true)
      expect(yield* register(first, true)).toBe(machine)
      expect(yield* register(second, true)).not.toBe(machine)
      yield* setRunnerHealth(second.address, false)
      expect(yield* getRunners).toEqual(expect.arrayContaining([[first, true], [second, false]]))
      yield* unregister(first.address)
      expect(yield* getRunners).toEqual([[second, false]])
    })
  )

  for (const [locks, shardLockDisableAdvisory] of [["", false], [" whose locks are rows", true]] as const) {
    test(
      `SqlRunnerStorage${locks}: a shard is one runner's until it is released`,
      Effect.gen(function*() {
        const name = yield* prefix
        const one = yield* storage(name, { shardLockDisableAdvisory })
        const other = yield* storage(name, { shardLockDisableAdvisory })
        yield* one.register(first, true)
        yield* other.register(second, true)
        expect(numbers(yield* one.acquire(first.address, shards))).toEqual([1, 2, 3])
        // Again is no more.
        expect(numbers(yield* one.acquire(first.address, shards))).toEqual([1, 2, 3])
        expect(yield* other.acquire(second.address, shards)).toEqual([])
        expect(numbers(yield* one.refresh(first.address, shards))).toEqual([1, 2, 3])
        yield* one.release(first.address, shards[1]!)
        expect(numbers(yield* other.acquire(second.address, shards))).toEqual([2])
        yield* one.releaseAll(first.address)
        expect(numbers(yield* other.acquire(second.address, shards))).toEqual([1, 2, 3])
      })
    )
  }
}

const sessions = <P, R>(
  test: Test<P, R>,
  { stats }: Subject<P, R>,
  { kill, lockHolders }: NonNullable<Subject<P, R>["server"]>
): void => {
  const leased = Effect.map(stats, ({ leased }) => leased)

  test(
    "SqlRunnerStorage: its locks are on one connection of the pool, which comes back with the Scope",
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const { acquire, refresh, register, release } = yield* storage(yield* prefix)
        expect(yield* leased).toBe(1)
        yield* register(first, true)
        yield* acquire(first.address, shards)
        const [session, ...others] = yield* lockHolders
        expect(others).toEqual([])
        yield* Effect.forEach(shards, (shard) =>
          Effect.all([
            release(first.address, shard),
            acquire(first.address, [shard]),
            refresh(first.address, shards)
          ], { concurrency: "unbounded" }), { concurrency: "unbounded" })
        expect(yield* lockHolders).toEqual([session])
        expect(yield* leased).toBe(1)
      }))
      // Nobody who gets it has its locks.
      expect(yield* lockHolders).toEqual([])
      yield* atRest(stats)
    })
  )

  test(
    "SqlRunnerStorage: keeps its connection longer than the pool keeps others",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { acquire, refresh, register } = yield* storage(yield* prefix)
      yield* register(first, true)
      yield* acquire(first.address, shards)
      const before = yield* lockHolders
      const opened = Effect.zipRight(sql`select 1`, Effect.map(stats, ({ opened }) => opened))
      const now = yield* opened
      yield* Effect.repeat(opened, { until: (opened) => opened > now + 2, schedule: Schedule.spaced(10) })
      expect(numbers(yield* refresh(first.address, shards))).toEqual([1, 2, 3])
      expect(yield* lockHolders).toEqual(before)
      expect(before.length).toBe(1)
    }),
    { maxLifetime: 100, lifetimeJitter: 0 }
  )

  test(
    "SqlRunnerStorage: its connection is replaced after its session was ended, and it has its locks again",
    Effect.gen(function*() {
      const { acquire, refresh, register } = yield* storage(yield* prefix)
      yield* register(first, true)
      yield* acquire(first.address, shards)
      for (let i = 0; i < 3; i++) {
        const [session] = yield* lockHolders
        yield* kill(session!)
        expect(yield* lockHolders).toEqual([])
        expect(yield* Effect.flip(refresh(first.address, shards))).toMatchObject({ _tag: "PersistenceError" })
        expect(numbers(yield* recovered(refresh(first.address, shards)))).toEqual([1, 2, 3])
        const [replaced, ...others] = yield* lockHolders
        expect(replaced).not.toBe(session)
        expect(others).toEqual([])
        expect(yield* leased).toBe(1)
      }
    })
  )

  test(
    "SqlRunnerStorage: shards of a runner whose session was ended go to another one, and it is told",
    Effect.gen(function*() {
      const name = yield* prefix
      const one = yield* storage(name)
      const other = yield* storage(name)
      yield* one.register(first, true)
      yield* other.register(second, true)
      yield* one.acquire(first.address, shards)
      expect(yield* leased).toBe(2)
      const [session] = yield* lockHolders
      yield* kill(session!)
      expect(numbers(yield* other.acquire(second.address, shards))).toEqual([1, 2, 3])
      expect(yield* recovered(one.refresh(first.address, shards))).toEqual([])
      expect(yield* leased).toBe(2)
    })
  )
}

const Adder = Entity.make("Adder", [
  Rpc.make("Add", {
    payload: { key: Schema.String, n: Schema.Number },
    success: Schema.Number,
    primaryKey: ({ key }) => key
  })
]).annotateRpcs(ClusterSchema.Persisted, true)

const single = <P, R>(test: Test<P, R>, { stats }: Subject<P, R>): void => {
  test(
    "SingleRunner: an entity answers each request once, and its answers outlive the runner",
    Effect.gen(function*() {
      let handled = 0
      const live = Adder.toLayer({
        Add: ({ payload }) => Effect.sync(() => payload.n + ++handled)
      }).pipe(Layer.provideMerge(SingleRunner.layer({ shardingConfig: { entityMessagePollInterval: 50 } })))
      const answers = Effect.gen(function*() {
        const client = yield* Adder.client
        return yield* Effect.forEach(
          ["a", "b", "a"],
          (key) => client("one").Add({ key, n: 10 })
        )
      }).pipe(Effect.provide(live))
      const before = yield* answers
      expect(before).toEqual([11, 12, 11])
      yield* atRest(stats)
      expect(yield* answers).toEqual(before)
      expect(handled).toBe(2)
    })
  )
}

export const cluster = <P, R>(test: Test<P, R>, subject: Subject<P, R>): void => {
  registry(test)
  if (subject.server !== undefined) sessions(test, subject, subject.server)
  single(test, subject)
}
