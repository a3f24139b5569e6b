/** What a visitor may do to the database: one thing at a time. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Monitor } from "./monitor.js"
import type { Postgres } from "./postgres.js"

/** What is being done to it. */
export type Trouble = "none" | "killing" | "frozen" | "restarting"

const signal = (pids: ReadonlyArray<number>, name: "SIGSTOP" | "SIGCONT"): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended meanwhile.
    }
  }
}

export const make = (postgres: Postgres, monitor: Pick<Monitor, "kill" | "processes">) =>
  Effect.map(Effect.makeSemaphore(1), (one) => {
    let trouble: Trouble = "none"
    const during = <A, E>(name: Trouble, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          trouble = name
        }),
        () => effect,
        () =>
          Effect.sync(() => {
            trouble = "none"
          })
      ).pipe(one.withPermits(1))

    /** All of its processes stand still, so it accepts connections and answers nobody. They go on also where this program ends meanwhile. */
    const freeze = (duration: Duration.DurationInput) =>
      during(
        "frozen",
        Effect.acquireUseRelease(
          Effect.gen(function*() {
            const pids = [yield* postgres.process, ...yield* monitor.processes]
            const thaw = () => signal(pids, "SIGCONT")
            process.prependOnceListener("exit", thaw)
            signal(pids, "SIGSTOP")
            return thaw
          }),
          () => Effect.sleep(duration),
          (thaw) =>
            Effect.sync(() => {
              thaw()
              process.off("exit", thaw)
            })
        )
      )

    return {
      trouble: Effect.sync(() => trouble),
      kill: during("killing", monitor.kill),
      restart: during("restarting", postgres.restart),
      freeze
    }
  })

export type Hurt = Effect.Effect.Success<ReturnType<typeof make>>
