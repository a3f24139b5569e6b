/** What happens to the server. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import pg from "pg"
import { newPassword, sessions, setPassword, stranger, teller } from "../bank.js"
import type { Fault, World } from "./fault.js"

const terminate = ({ server }: World, processId: number) => server.query("select pg_terminate_backend($1)", [processId])

/** One of the pool's sessions, if there is one. */
const terminateOne = (world: World) =>
  Effect.gen(function*() {
    const all = yield* sessions(world.server)
    if (all.length > 0) yield* terminate(world, all[yield* Random.nextIntBetween(0, all.length)]!)
  })

/** Until the Scope is closed. */
const terminateOften = (world: World, millis: number) =>
  terminateOne(world).pipe(
    Effect.zipRight(Effect.flatMap(Random.nextIntBetween(1, millis), Effect.sleep)),
    Effect.forever,
    Effect.forkScoped,
    Effect.asVoid
  )

/** A session of somebody else, until the Scope is closed. Fails where the server has no place for one. */
const occupy = ({ secret, server: { database, host, port } }: World) =>
  Effect.acquireRelease(
    Effect.tryPromise(async () => {
      const client = new pg.Client({ host, port, database, user: stranger, password: Redacted.value(secret.current) })
      client.on("error", () => {})
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end().catch(() => {}))
  )

export const server: ReadonlyArray<Fault> = [
  {
    name: "freeze",
    what: "All of the server's processes are stopped (SIGSTOP), then go on (SIGCONT).",
    leaves: ["FailedOpenings", "HungOpenings", "HungStatements"],
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
    what: "`pg_terminate_backend` of one session after the other, at random.",
    leaves: ["FailedOpenings"],
    begin: (world) => terminateOften(world, 200),
    end: () => Effect.void
  },
  {
    name: "too-many",
    what: "Somebody else takes all of `max_connections`, while sessions of the pool are ended.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.gen(function*() {
        yield* Effect.forkScoped(Effect.retry(Effect.forever(occupy(world)), Schedule.spaced("20 millis")))
        yield* terminateOften(world, 400)
      }),
    end: () => Effect.void
  },
  {
    name: "password",
    what:
      "The role's password is changed without the application's knowledge, and changed back. Sessions are ended meanwhile.",
    leaves: ["FailedOpenings"],
    begin: (world) => Effect.zipRight(setPassword(world.server, teller, newPassword()), terminateOften(world, 400)),
    end: ({ secret, server }) => setPassword(server, teller, secret.current)
  },
  {
    name: "rotation",
    what: "The role's password is changed for good; the application learns it later. Sessions are ended meanwhile.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.gen(function*() {
        const next = newPassword()
        yield* setPassword(world.server, teller, next)
        // Runs before what was asked for later in this Scope, and so when the fault's time is over.
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            world.secret.current = next
          })
        )
        yield* terminateOften(world, 400)
      }),
    end: () => Effect.void
  }
]
