/** What happens to PgBouncer. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { PgBouncer, PgBouncerError } from "../../support/pgbouncer.js"
import type { Fault, World } from "./fault.js"

const its = (act: (bouncer: PgBouncer) => Effect.Effect<unknown, PgBouncerError>) => ({ front }: World) =>
  front._tag === "PgBouncer" ? Effect.asVoid(act(front.bouncer)) : Effect.void

const command = (text: string) => its((bouncer) => bouncer.command(text))

export const pgbouncer: ReadonlyArray<Fault> = [
  {
    name: "pgbouncer-kill",
    what: "PgBouncer is killed (SIGKILL), and started again on the same port.",
    leaves: ["FailedOpenings"],
    begin: its(({ kill }) => kill),
    end: its(({ start }) => start)
  },
  {
    name: "pgbouncer-freeze",
    what: "PgBouncer is stopped (SIGSTOP), then goes on (SIGCONT).",
    leaves: ["FailedOpenings", "Hangs"],
    begin: its(({ freeze }) => freeze),
    end: its(({ thaw }) => thaw)
  },
  {
    name: "pgbouncer-drop",
    what: "Its administrator ends all connections, of clients and to the server (KILL); new ones wait for RESUME.",
    leaves: ["FailedOpenings", "Hangs"],
    begin: command("KILL postgres"),
    end: command("RESUME postgres")
  },
  {
    name: "pgbouncer-reconnect",
    what: "Its administrator has each session of the server replaced when nobody uses it (RECONNECT), again and again.",
    leaves: [],
    begin: (world) =>
      Effect.asVoid(Effect.forkScoped(Effect.repeat(command("RECONNECT")(world), Schedule.spaced("100 millis")))),
    end: () => Effect.void
  }
]
