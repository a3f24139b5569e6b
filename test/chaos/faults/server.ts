/** What happens to the server. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { newPassword, teller } from "../bank.js"
import type { Fault, World } from "./fault.js"

/** Some of the pool's sessions, again and again until the Scope is closed. */
const terminateOften = (
  world: World,
  millis: number,
  which: (all: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<number>>
) =>
  world.database.sessions(world.server).pipe(
    Effect.flatMap(which),
    Effect.flatMap((sessions) => world.database.terminate(world.server, sessions)),
    // There may be no place for an administrator either.
    Effect.retry(Schedule.spaced("5 millis")),
    Effect.zipRight(Effect.flatMap(Random.nextIntBetween(1, millis), Effect.sleep)),
    Effect.forever,
    Effect.forkScoped,
    Effect.asVoid
  )

const one = (all: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<number>> =>
  all.length === 0
    ? Effect.succeed([])
    : Effect.map(Random.nextIntBetween(0, all.length), (index) => [all[index]!])

const strangers = 5

export const server: ReadonlyArray<Fault> = [
  {
    name: "freeze",
    what: "All of the server's processes are stopped (SIGSTOP), then go on (SIGCONT).",
    leaves: ["FailedOpenings", "Hangs"],
    begin: ({ server }) => server.freeze,
    end: ({ server }) => server.thaw
  },
  {
    name: "kill",
    what: "All of the server's processes are killed (SIGKILL); started again on the same port and data.",
    leaves: ["FailedOpenings"],
    begin: ({ server }) => server.kill,
    end: ({ server }) => server.start
  },
  {
    name: "restart",
    what: "A fast shutdown, which ends all sessions, and a start.",
    leaves: ["FailedOpenings"],
    begin: ({ server }) => server.stop,
    end: ({ server }) => server.start
  },
  {
    name: "terminate",
    what: "An administrator ends one session after the other, at random.",
    leaves: ["FailedOpenings"],
    begin: (world) => terminateOften(world, 200, one),
    end: () => Effect.void
  },
  {
    name: "too-many",
    what: "Somebody else takes all of `max_connections`, while all sessions of the pool are ended again and again.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.gen(function*() {
        const all = Effect.retry(
          Effect.forever(Effect.suspend(() => world.database.occupy(world.server, world.secret.current))),
          Schedule.spaced("5 millis")
        )
        // Several, so that they are quicker than the pool.
        yield* Effect.forkScoped(Effect.replicateEffect(all, strangers, { concurrency: "unbounded", discard: true }))
        yield* terminateOften(world, 500, Effect.succeed)
      }),
    end: () => Effect.void
  },
  {
    name: "password",
    what:
      "The application's password is changed without its knowledge, and changed back. All sessions are ended meanwhile.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.zipRight(
        world.database.setPassword(world.server, teller, newPassword()),
        terminateOften(world, 500, Effect.succeed)
      ),
    end: ({ database, secret, server }) => database.setPassword(server, teller, secret.current)
  },
  {
    name: "rotation",
    what:
      "The application's password is changed for good; the application learns it later. All sessions are ended meanwhile.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.gen(function*() {
        const next = newPassword()
        yield* world.database.setPassword(world.server, teller, next)
        // Finalizers run last to first: when no more sessions are ended.
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            world.secret.current = next
          })
        )
        yield* terminateOften(world, 500, Effect.succeed)
      }),
    end: () => Effect.void
  }
]
