/** What callers do to a pool, each with others around who must not suffer for what happens to it. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { AcquireError } from "@cenote/core/PoolError"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import type { FakePool } from "../support/pool.js"
import type { Operation } from "./sweep.js"
import { onPool } from "./sweep.js"

/** Short steps, so that a caller who waits for them is served soon, in milliseconds; and no pings in the long rests. */
const tuning: PoolOptions.Tuning = {
  maxSize: 1,
  closeTimeout: 20,
  resetTimeout: 20,
  checkTimeout: 20,
  keepalive: Duration.infinity
}

/** Without a pause that is longer than every timeout: these have no step where it differs from those of other operations. */
const short = ["interrupt", "interrupt while paused", "close while paused"] as const

const body = () => Effect.sleep(5)

/** An idle connection. */
const warm = (pool: FakePool) => pool.use(() => Effect.void)

/** Somebody holds the only connection for that long. */
const busy = (pool: FakePool, millis: number) =>
  Effect.zipRight(Effect.forkDaemon(pool.use(() => Effect.sleep(millis))), Effect.sleep(1))

/** Somebody asks 2 ms from now, after the target, and is served soon enough, whatever happens to the target. */
const neighbour = (pool: FakePool, within: number) =>
  Effect.gen(function*() {
    const asking = Effect.flatMap(Clock.currentTimeMillis, (asked) =>
      pool.use(() => Effect.map(Clock.currentTimeMillis, (served) => served - asked)))
    const fiber = yield* Effect.forkDaemon(Effect.delay(asking, 2))
    return Effect.map(Fiber.await(fiber), (exit) =>
      Exit.isFailure(exit)
        ? [`the neighbour was not served: ${exit.cause}`]
        : exit.value > within
        ? [`the neighbour was served after ${exit.value} ms`]
        : [])
  })

/** Insists on a connection. */
const taken = (pool: FakePool) =>
  STM.flatMap(pool.tryTake(), Option.match({ onNone: () => STM.retry, onSome: STM.succeed }))

/** What a run's transaction reads and writes beside the pool. */
const credits = new WeakMap<object, TRef.TRef<number>>()

/** Spends one for as long as it uses a connection, as docs/stm.md says it is done. */
const spending = (pool: FakePool, credit: TRef.TRef<number>) =>
  Effect.acquireUseRelease(
    TRef.make(0),
    (spent) =>
      ConnectionPool.useSTM(
        STM.zipLeft(taken(pool), STM.zipRight(TRef.set(spent, 1), TRef.update(credit, (left) => left - 1))),
        body
      ),
    (spent) => STM.commit(STM.flatMap(TRef.get(spent), (count) => TRef.update(credit, (left) => left + count)))
  )

/** `use` of an idle connection, of one that is to be opened, of one that another holds, … */
const uses: ReadonlyArray<Operation> = [
  onPool({
    name: "use of an idle connection",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(warm(pool), neighbour(pool, 3)),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "use that opens a connection",
    tuning,
    prepare: ({ pool }, fake) => Effect.zipRight(fake.next("open", FakeConnector.slow(3)), neighbour(pool, 6)),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "use that waits for another to end",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), neighbour(pool, 13)),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "useSTM of an idle connection",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(warm(pool), neighbour(pool, 3)),
    act: ({ pool }) => ConnectionPool.useSTM(taken(pool), body)
  }),
  onPool({
    name: "useSTM whose transaction waits for another to end",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), neighbour(pool, 13)),
    act: ({ pool }) => ConnectionPool.useSTM(taken(pool), body)
  }),
  onPool({
    name: "useSTM that waits, with a TRef of the user's own that is to be as before",
    interventions: short,
    tuning,
    prepare: ({ core, pool }) =>
      Effect.gen(function*() {
        yield* busy(pool, 10)
        const credit = yield* TRef.make(1)
        credits.set(core, credit)
        const isServed = yield* neighbour(pool, 13)
        return Effect.zipWith(isServed, TRef.get(credit), (problems, left) =>
          left === 1 ? problems : [...problems, `the credit is ${left}, and was 1`])
      }),
    act: ({ core, pool }) => spending(pool, credits.get(core)!)
  }),
  onPool({
    name: "useSTM whose transaction takes, waits, and then fails",
    interventions: short,
    tuning,
    prepare: ({ core, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool)
        const credit = yield* TRef.make(0)
        credits.set(core, credit)
        yield* Effect.forkDaemon(Effect.delay(STM.commit(TRef.set(credit, 1)), 5))
        return yield* neighbour(pool, 3)
      }),
    act: ({ core, pool }) =>
      Effect.ignore(ConnectionPool.useSTM(
        STM.zipRight(
          taken(pool),
          STM.flatMap(TRef.get(credits.get(core)!), (left) => left === 0 ? STM.retry : STM.fail("no"))
        ),
        body
      ))
  }),
  onPool({
    name: "use whose wait times out",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), neighbour(pool, 8)),
    act: ({ pool }) => pool.use(body, { acquireTimeout: 4 })
  }),
  onPool({
    name: "use with a timeout around it",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), neighbour(pool, 8)),
    act: ({ pool }) => Effect.timeout(pool.use(body), 4)
  }),
  onPool({
    name: "use whose opening fails",
    interventions: short,
    tuning: { ...tuning, maxSize: 2 },
    prepare: (_, fake) => fake.next("open", FakeConnector.slow(3, FakeConnector.fail())),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "use whose body dies",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(warm(pool), neighbour(pool, 3)),
    act: ({ pool }) => pool.use(() => Effect.delay(Effect.die(new Error("told to die")), 5))
  }),
  onPool({
    name: "use of a connection that is checked first",
    tuning,
    prepare: ({ pool }, fake) =>
      Effect.zipRight(warm(pool), Effect.sleep("2 seconds")).pipe(
        Effect.zipRight(fake.next("check", FakeConnector.slow(3))),
        Effect.zipRight(neighbour(pool, 6))
      ),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "use after which the connection is reset",
    tuning,
    prepare: ({ pool }, fake) =>
      Effect.zipRight(warm(pool), fake.next("reset", FakeConnector.slow(3))).pipe(Effect.zipRight(neighbour(pool, 6))),
    act: ({ pool }) =>
      pool.use((connection) => {
        connection.dirty()
        return body()
      })
  }),
  onPool({
    name: "use of a connection that dies meanwhile",
    interventions: short,
    tuning,
    prepare: ({ pool }, fake) =>
      Effect.zipRight(warm(pool), Effect.forkDaemon(Effect.delay(fake.kill(0), 3))).pipe(
        Effect.zipRight(neighbour(pool, 3))
      ),
    act: ({ pool }) => pool.use(body)
  }),
  onPool({
    name: "use after which the connection is closed",
    interventions: short,
    tuning: { ...tuning, maxUses: 1 },
    prepare: ({ pool }, fake) => Effect.zipRight(fake.set("close", FakeConnector.slow(3)), neighbour(pool, 6)),
    act: ({ pool }) => pool.use(body)
  })
]

const scopes: ReadonlyArray<Operation> = [
  onPool({
    name: "get in a Scope",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(warm(pool), neighbour(pool, 3)),
    act: ({ pool }) => Effect.scoped(Effect.flatMap(pool.get, body))
  }),
  onPool({
    name: "get in a Scope that waits for another to end",
    tuning,
    prepare: ({ pool }) => Effect.zipRight(busy(pool, 10), neighbour(pool, 13)),
    act: ({ pool }) => Effect.scoped(Effect.flatMap(pool.get, body))
  }),
  onPool({
    name: "a lease that is invalidated",
    interventions: short,
    tuning,
    prepare: ({ pool }) => Effect.zipRight(warm(pool), neighbour(pool, 3)),
    act: ({ pool }) => Effect.scoped(Effect.flatMap(pool.lease(), (lease) => Effect.zipRight(lease.invalidate, body())))
  })
]

const lifecycles: ReadonlyArray<Operation> = [
  onPool({
    name: "closing a pool with a lease, a waiter and an idle connection",
    tuning: { ...tuning, maxSize: 2, maxConnecting: 2 },
    prepare: ({ pool }, fake) =>
      Effect.gen(function*() {
        yield* Effect.all([warm(pool), pool.use(body)], { concurrency: "unbounded" })
        yield* fake.set("close", FakeConnector.slow(3))
        yield* busy(pool, 10)
        yield* Effect.forkDaemon(Effect.scoped(pool.get))
      }),
    act: (_, __, scope) => Effect.uninterruptible(Scope.close(scope, Exit.void))
  }),
  {
    name: "making a pool that opens one connection first",
    tuning: { ...tuning, startup: "probe" },
    run: ({ aim, fake, make }) =>
      Effect.zipRight(fake.set("open", FakeConnector.slow(3)), Effect.as(aim.on(Effect.scoped(make)), []))
  },
  {
    name: "making a pool whose first opening fails",
    tuning: { ...tuning, startup: "probe" },
    run: ({ aim, fake, make }) =>
      Effect.zipRight(
        fake.next("open", FakeConnector.slow(3, FakeConnector.fail())),
        Effect.as(aim.on(Effect.scoped(make)), [])
      )
  }
]

export const operations: ReadonlyArray<Operation> = [...uses, ...scopes, ...lifecycles]

type Naive = <A, E>(
  pool: FakePool,
  f: (connection: FakeConnector.FakeConnection) => Effect.Effect<A, E>
) => Effect.Effect<A, E | FakeConnector.FakeError | AcquireError>

/** A `use` as one would write it at first: takes a connection, and says then that it is to be given back. */
const saysLater: Naive = (pool, f) =>
  Effect.flatMap(Scope.make(), (scope) =>
    Effect.flatMap(
      Scope.extend(pool.get, scope),
      (connection) => Effect.ensuring(f(connection), Scope.close(scope, Exit.void))
    ))

/** Lets another fiber wait, who is not told when the caller has left. */
export const waitsElsewhere: Naive = (pool, f) =>
  Effect.flatMap(Scope.make(), (scope) =>
    Effect.forkDaemon(Scope.extend(pool.get, scope)).pipe(
      Effect.flatMap(Fiber.join),
      Effect.flatMap((connection) => Effect.ensuring(f(connection), Scope.close(scope, Exit.void)))
    ))

/** Wrong on purpose: what a sweep is there to find. */
export const naive: ReadonlyArray<Operation> = [
  onPool({
    name: "one that says only when it has a connection that it is to be given back",
    tuning,
    prepare: ({ pool }) => warm(pool),
    act: ({ pool }) => saysLater(pool, body)
  }),
  onPool({
    name: "one that says so only after it has waited",
    tuning,
    prepare: ({ pool }) => busy(pool, 10),
    act: ({ pool }) => saysLater(pool, body)
  }),
  onPool({
    name: "one that lets another fiber wait",
    tuning,
    prepare: ({ pool }) => busy(pool, 10),
    act: ({ pool }) => waitsElsewhere(pool, body)
  })
]
