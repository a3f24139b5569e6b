/**
 * Many fibers on a few connections: each connection takes several leases, and sends what they ask for without waiting for answers.
 * What must not be interleaved asks for a connection of its own.
 *
 * ```
 * pnpm example:pipeline
 * ```
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { runMain } from "../bank/run.js"
import { claim } from "../operations/check.js"
import type { Session } from "./connector.js"
import { connector } from "./connector.js"
import type { CounterServer } from "./server.js"
import { serve } from "./server.js"

const FIBERS = 200
const EACH = 10

const increment = (key: string) => (session: Session) => session.send("INCR", key)

/** How long it takes all fibers, with so many leases on one connection. */
const timed = ({ port }: CounterServer, concurrency: number) =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: connector(port), maxSize: 2, concurrency })
    const one = Effect.repeatN(pool.use(increment(`c${concurrency}`)), EACH - 1)
    const all = Effect.forEach(Array.from({ length: FIBERS }), () => one, { concurrency: "unbounded", discard: true })
    const [took] = yield* Effect.timed(all)
    const count = yield* pool.use((session) => session.send("GET", `c${concurrency}`))
    yield* claim(
      `with concurrency ${concurrency} nothing is lost: ${count} of ${FIBERS * EACH}`,
      Number(count) === FIBERS * EACH
    )
    return Duration.toMillis(took)
  }).pipe(Effect.scoped)

/** Reads, thinks, and writes: between its two commands no other may come on this connection. */
const double = (session: Session) =>
  Effect.gen(function*() {
    const before = Number(yield* session.send("GET", "doubled"))
    yield* session.send("SET", "doubled", String(before * 2))
    return before * 2
  })

runMain(
  Effect.gen(function*() {
    const server = yield* serve
    const alone = yield* timed(server, 1)
    const shared = yield* timed(server, 50)
    yield* Console.log(`  2 connections: ${Math.round(alone)} ms with one lease each, ${Math.round(shared)} ms with 50`)
    yield* claim("many commands were under way on one connection", server.mostAtOnce() > 10)
    yield* claim("which is faster", shared < alone)

    const pool = yield* ConnectionPool.make({ connector: connector(server.port), maxSize: 1, concurrency: 50 })
    yield* pool.use((session) => session.send("SET", "doubled", "1"))
    const doubling = pool.use(double, { exclusive: true })
    const others = pool.use(increment("other"))
    const [doubled] = yield* Effect.all([
      Effect.all(Array.from({ length: 10 }, () => doubling), { concurrency: "unbounded" }),
      Effect.all(Array.from({ length: 100 }, () => others), { concurrency: "unbounded", discard: true })
    ], { concurrency: 2 })
    yield* claim("ten exclusive leases came one after the other", doubled.join() === "2,4,8,16,32,64,128,256,512,1024")

    const interrupted = yield* Effect.fork(pool.use(increment("interrupted")))
    yield* Effect.yieldNow()
    const [, count] = yield* Effect.all([Fiber.interrupt(interrupted), pool.use(increment("next"))], { concurrency: 2 })
    yield* claim("one that is interrupted takes nobody's answer", count === "1")

    yield* server.cutOff
    const after = yield* Effect.retry(pool.use(increment("after")), { times: 3 })
    yield* claim("a connection that was lost is replaced", after === "1" && (yield* pool.stats).closed === 1)
  }).pipe(Effect.scoped)
)
