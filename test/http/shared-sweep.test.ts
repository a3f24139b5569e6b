/**
 * A request's uses are interrupted at each operation of their fiber, and of all fibers that work for it, one run for each: the pool
 * is at rest afterwards, and nobody else suffers, neither another fiber of the request nor a stranger.
 */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import * as RequestService from "@cenote/core/RequestService"
import { FakeConnector } from "@cenote/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Operation } from "../interruption/sweep.js"
import { onPool } from "../interruption/sweep.js"
import { sweeps } from "../interruption/sweeps.js"
import type { FakePool } from "../support/pool.js"

const tuning: PoolOptions.Tuning = {
  maxSize: 1,
  closeTimeout: 20,
  resetTimeout: 20,
  checkTimeout: 20,
  keepalive: Duration.infinity
}

const share = (pool: FakePool, policy: "Kept" | "PerUse" = "Kept") =>
  new RequestService.Shared(Effect.map(pool.lease(), (lease) => lease.connection), () => "ended" as const, policy)

type Shared = ReturnType<typeof share>

const body = () => Effect.sleep(5)

/** What a middleware does around a handler. */
const request = <B, E>(pool: FakePool, handler: (shared: Shared) => Effect.Effect<B, E>) =>
  Effect.suspend(() => {
    const shared = share(pool)
    return Effect.ensuring(handler(shared), shared.end)
  })

/** Somebody holds the only connection for that long. */
const busy = (pool: FakePool, millis: number) =>
  Effect.zipRight(Effect.forkDaemon(pool.use(() => Effect.sleep(millis))), Effect.sleep(1))

/** Asks 2 ms from now, and must be served whatever happens to the target. */
const served = (who: string, use: Effect.Effect<unknown, unknown>) =>
  Effect.map(
    Effect.forkDaemon(Effect.delay(use, 2)),
    (fiber) =>
      Effect.map(Fiber.await(fiber), (exit) => Exit.isSuccess(exit) ? [] : [`${who} was not served: ${exit.cause}`])
  )

const stranger = (pool: FakePool) => served("a stranger", pool.use(body))

const operations: ReadonlyArray<Operation> = [
  onPool({
    name: "a request that uses an idle connection",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(pool.use(() => Effect.void), stranger(pool)),
    act: ({ pool }) => request(pool, (shared) => shared.use(body))
  }),
  onPool({
    name: "a request whose first use opens a connection",
    tuning,
    prepare: ({ pool }, fake) => Effect.zipRight(fake.next("open", FakeConnector.slow(3)), stranger(pool)),
    act: ({ pool }) => request(pool, (shared) => shared.use(body))
  }),
  onPool({
    name: "a request whose first use waits for another to end",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), stranger(pool)),
    act: ({ pool }) => request(pool, (shared) => shared.use(body))
  }),
  onPool({
    name: "a request of two fibers that ask at once",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), stranger(pool)),
    act: ({ pool }) =>
      request(pool, (shared) =>
        // Not with Effect.all, which hangs when it is interrupted at certain steps, whatever it runs.
        Effect.forEach([1, 2], () => Effect.fork(shared.use(body))).pipe(
          Effect.flatMap((fibers) => Effect.forEach(fibers, Fiber.join))
        ))
  }),
  onPool({
    name: "a request that holds its connection for a Scope",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), stranger(pool)),
    act: ({ pool }) => request(pool, (shared) => Effect.scoped(Effect.zipRight(shared.scoped, body())))
  }),
  onPool({
    name: "a stream's uses, one after the other",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 4), stranger(pool)),
    act: ({ pool }) => {
      const shared = share(pool, "PerUse")
      return Effect.ensuring(Effect.zipRight(shared.use(body), shared.use(body)), shared.end)
    }
  })
]

/** The first of two fibers of a request is interrupted; the second must get the connection all the same. */
const companion = (name: string, policy: "Kept" | "PerUse"): Operation => {
  const shareds = new WeakMap<FakePool, Shared>()
  return onPool({
    name,
    tuning,
    interventions: ["interrupt", "interrupt while paused"],
    prepare: ({ pool }) =>
      Effect.gen(function*() {
        yield* busy(pool, 10)
        const shared = share(pool, policy)
        shareds.set(pool, shared)
        return yield* served("the second fiber", Effect.ensuring(shared.use(body), shared.end))
      }),
    act: ({ pool }) => Effect.suspend(() => shareds.get(pool)!.use(body))
  })
}

/** Another fiber ends the request while the target asks: nothing is acquired after that. */
const ended = (): Operation => {
  const shareds = new WeakMap<FakePool, Shared>()
  return onPool({
    name: "a request that another fiber ends while it asks",
    tuning,
    prepare: ({ pool }) =>
      Effect.gen(function*() {
        let isOver = false
        const acquire = Effect.suspend(() =>
          isOver
            ? Effect.dieMessage("acquired after the end")
            : Effect.map(pool.lease(), (lease) => lease.connection)
        )
        const shared = new RequestService.Shared(acquire, () => "ended" as const, "Kept")
        shareds.set(pool, shared)
        yield* busy(pool, 10)
        yield* Effect.forkDaemon(Effect.delay(Effect.zipRight(Effect.sync(() => isOver = true), shared.end), 1))
      }),
    act: ({ pool }) => Effect.ignore(shareds.get(pool)!.use(body))
  })
}

sweeps([
  ended(),
  ...operations,
  companion("the first of two fibers that wait for the first lease", "Kept"),
  companion("the first of two fibers that share a lease for a use", "PerUse")
])
