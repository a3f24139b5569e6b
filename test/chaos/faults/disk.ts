/** The server's disk is full. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as path from "node:path"
import * as Disk from "../../support/disk.js"
import { PostgresError } from "../../support/postgres.js"
import type { ServerError } from "../databases/database.js"
import type { Fault, World } from "./fault.js"

const filler = ({ server }: World): string => path.join(server.folder, "filler")

/** Also of what the server gives up meanwhile, until the Scope is closed. */
const keepFull = (world: World) => {
  const full = Effect.orDie(Disk.fill(filler(world)))
  return Effect.zipRight(full, Effect.forkScoped(Effect.repeat(full, Schedule.spaced("20 millis"))))
}

const isWell = ({ server }: World, seconds: number) =>
  Effect.zipRight(server.start, server.query("select 1")).pipe(
    Effect.retry(Schedule.spaced("50 millis")),
    Effect.timeoutFail({
      duration: seconds * 1000,
      onTimeout: () => new PostgresError({ message: `Not well ${seconds} s after there is room on its disk` })
    })
  )

/**
 * It may have ended by itself, or be about to. One that recovers as the disk becomes free may also wait for a process that has ended meanwhile: for
 * a checkpointer until its `checkpoint_timeout`, for the one that recovers for ever. An operator kills it.
 */
const recover = (world: World): Effect.Effect<void, ServerError> =>
  isWell(world, 3).pipe(
    Effect.orElse(() => Effect.zipRight(world.server.kill, isWell(world, 30))),
    Effect.asVoid
  )

const end = (world: World) => Effect.zipRight(Effect.orDie(Disk.remove(filler(world))), recover(world))

export const disk: ReadonlyArray<Fault> = [
  {
    name: "disk-full",
    what: "The server's disk is full. What needs no more room goes on.",
    leaves: ["FailedOpenings"],
    begin: (world) => Effect.asVoid(keepFull(world)),
    end
  },
  {
    name: "log-full",
    what: "The server's disk is full when it needs room for its log: it ends, and is started again when there is room.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      Effect.gen(function*() {
        yield* keepFull(world)
        yield* Effect.forkScoped(
          Effect.forever(Effect.ignore(world.server.query("select pg_switch_wal()"))).pipe(
            Effect.delay("10 millis")
          )
        )
      }),
    end
  }
]
