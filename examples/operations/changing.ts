/** An operator's day: everything is changed while callers go on, and none of them notices. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { claim, until } from "./check.js"
import { Database } from "./database.js"

export const example = Effect.gen(function*() {
  const database = new Database()
  const pool = yield* ConnectionPool.make({ connector: database.connector, maxSize: 4 })
  const is = (what: string, condition: (stats: Effect.Effect.Success<typeof pool.stats>) => boolean) =>
    until(what, Effect.map(pool.stats, condition))

  // Six callers, always.
  const answers: Array<Either.Either<void, unknown>> = []
  const isOver = { now: false }
  const caller = Effect.repeat(
    Effect.map(Effect.either(pool.use((session) => session.work("3 millis"))), (answer) => answers.push(answer)),
    { while: () => !isOver.now }
  )
  const callers = yield* Effect.forkScoped(
    Effect.all([1, 2, 3, 4, 5, 6].map(() => caller), { concurrency: "unbounded" })
  )
  yield* is("4 connections are in use and others wait", ({ leased, waiting }) => leased === 4 && waiting > 0)

  // More load: more connections, now.
  yield* pool.resize({ maxSize: 6 })
  yield* is("6 are in use", ({ leased }) => leased === 6)
  yield* pool.resize({ maxSize: 2 })
  yield* is("2 are open, as the others have come back", ({ idle, leased }) => leased + idle <= 2)

  // The server is moved: for a moment nobody may use it.
  yield* pool.suspend({ duration: "1 minute" })
  yield* is("nobody holds a connection, and all wait", ({ leased, waiting }) => leased === 0 && waiting === 6)
  yield* pool.resume
  yield* is("they go on", ({ leased }) => leased > 0)

  // The password has changed: today's sessions are replaced one by one.
  database.password = "summer"
  yield* pool.recycle({ within: "100 millis" })
  yield* until(
    "new sessions have the new password",
    pool.use((session) => Effect.succeed(session.openedWith === "summer"))
  )

  // A failover: nothing that was open before is any good.
  const before = yield* pool.use((session) => Effect.succeed(session.number))
  yield* pool.clear()
  const after = yield* pool.use((session) => Effect.succeed(session.number))
  yield* claim("after a clear no session of before is handed out", after > before)

  isOver.now = true
  yield* Fiber.join(callers)
  yield* claim(`none of ${answers.length} calls failed`, answers.every(Either.isRight))

  // The end of the day: who waits is served, newcomers are not.
  const last = yield* Effect.fork(pool.use((session) => session.work("50 millis")))
  yield* Effect.sleep("10 millis")
  const draining = yield* Effect.fork(pool.drain)
  yield* is("it drains", ({ phase }) => phase === "draining")
  const late = yield* Effect.flip(pool.use((session) => session.work("1 millis")))
  yield* claim("a newcomer is refused", late._tag === "PoolClosed")
  yield* Fiber.join(last)
  yield* Fiber.join(draining)
  yield* is(
    "it is closed, with every connection",
    ({ closed, opened, phase }) => phase === "closed" && opened === closed
  )
})
