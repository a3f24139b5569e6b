/**
 * A pool of threads: a custom connector for something that is no database, and a transaction of one's own that takes from it.
 *
 * ```
 * pnpm example:custom
 * ```
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import { runMain } from "../bank/run.js"
import { claim, until } from "../operations/check.js"
import type { TaskFailed, Thread, ThreadLost } from "./connector.js"
import { connector } from "./connector.js"

class Threads extends ConnectionPool.Tag("example/Threads")<Threads, Thread, ThreadLost>() {}

const primeBelow = (below: number) => Threads.use((thread) => thread.primeBelow(below))

/** A customer's right to compute, counted beside the threads: one transaction takes both, or neither. */
const paid = <A>(credit: TRef.TRef<number>, f: (thread: Thread) => Effect.Effect<A, TaskFailed | ThreadLost>) => {
  const take = STM.gen(function*() {
    const left = yield* TRef.get(credit)
    if (left === 0) return yield* STM.fail("NoCredit" as const)
    const thread = yield* Threads.tryTake()
    if (Option.isNone(thread)) return yield* STM.fail("Busy" as const)
    yield* TRef.set(credit, left - 1)
    return thread.value
  })
  return ConnectionPool.useSTM(take, f)
}

const program = Effect.gen(function*() {
  const primes = yield* Effect.forEach([10, 100, 1_000, 1_000_000], primeBelow, { concurrency: "unbounded" })
  yield* Console.log(`  primes below 10, 100, 1,000 and 1,000,000: ${primes.join(", ")}`)
  yield* claim("two threads have done it", (yield* Threads.stats).peakLeased === 2)

  const failed = yield* Effect.flip(primeBelow(2))
  yield* claim(`a task that fails is the caller's error: ${failed.message}`, failed._tag === "TaskFailed")
  const { opened } = yield* Threads.stats
  yield* primeBelow(10)
  yield* claim("and its thread goes on", (yield* Threads.stats).opened === opened)

  // It takes minutes.
  const given = yield* Effect.timeoutOption(primeBelow(Number.MAX_SAFE_INTEGER), "50 millis")
  yield* claim("a task may be given up on", Option.isNone(given))
  yield* until("its thread is ended", Effect.map(Threads.stats, ({ closed }) => closed === 1))
  yield* claim("and another takes its place", (yield* primeBelow(10)) === 7)

  const credit = yield* TRef.make(1)
  yield* claim("what is paid for is computed", (yield* paid(credit, (thread) => thread.primeBelow(20))) === 19)
  const refused = yield* Effect.flip(paid(credit, (thread) => thread.primeBelow(20)))
  yield* claim("and then no more, and no thread was taken", refused === "NoCredit")

  yield* TRef.set(credit, 1)
  const busy = yield* Effect.all([Threads.get, Threads.get]).pipe(
    Effect.zipRight(Effect.flip(paid(credit, (thread) => thread.ping))),
    Effect.scoped
  )
  yield* claim("with all threads busy, nothing is paid", busy === "Busy" && (yield* TRef.get(credit)) === 1)
})

runMain(Effect.provide(program, Threads.layer({ connector, maxSize: 2, checkAfterIdle: "1 minute" })))
