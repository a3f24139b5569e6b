/**
 * The clock is set forward and back while the pool runs, as after a suspended laptop or a correction of the time.
 *
 * Promises: those of every run, but for those that hold somebody to a time by the clock. Nobody waits for longer than its timeout and what
 * the pool could not see go by. After time has jumped, what is idle is checked before it is handed out.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { begun, stepsOf } from "../../../packages/core/src/allocator/recorded.js"
import type { State } from "../../../packages/core/src/allocator/state.js"
import { initial } from "../../../packages/core/src/allocator/state.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"

interface Jump {
  readonly at: number
  readonly by: number
}

/** Later than any alarm of a pool that has something idle and pings it, and by more than an alarm may be late. */
const ASLEEP = 20_000

/** When a connection was verified that may be dead for all one knows. */
const SUSPECT = -Infinity

const trusted = ({ idle }: State): ReadonlyArray<number> =>
  OrderedMap.values(idle.places).filter(({ verifiedAt }) => verifiedAt !== SUSPECT).map(({ connection }) =>
    connection.id
  )

/** Sets it, in one operation: nobody comes between that and the pool's next look at the time. */
const jump = ({ allocator, broken, pool, skew, world }: Stage, by: number): void => {
  const { idle, rules } = Effect.runSync(allocator.snapshot)
  Effect.runSync(pool.stats)
  world.setClock(by)
  skew.by += by
  skew.jumps.push(Math.abs(by))
  Effect.runSync(pool.stats)
  // The first to look: it may take nothing that was idle before.
  const claimed = Effect.runSync(
    Effect.orElseSucceed(ConnectionPool.useSTM(pool.tryTake(), Effect.succeed), () => Option.none())
  )
  Effect.runSync(Effect.ignore(pool.resize({})))
  const isSeen = by < 0 || (by >= ASLEEP && idle.places.size > 0 && rules.keepalive < Infinity)
  const left = isSeen ? trusted(Effect.runSync(allocator.snapshot)) : []
  if (isSeen && Option.isSome(claimed)) broken(`connection ${claimed.value.id} was claimed though time has jumped`)
  if (left.length > 0) broken(`connection ${left[0]} is trusted though time has jumped`)
}

/** What was idle when all that is idle was suspected is not handed out before a check of it has passed. */
const brokenSuspicions = ({ history, settings: { rules } }: Finished): ReadonlyArray<string> => {
  const suspects = new Set<number>()
  return stepsOf(initial(rules), history).flatMap((step) => {
    const { before, input } = step
    if (input._tag === "Suspect") {
      for (const { connection } of OrderedMap.values(before.idle.places)) suspects.add(connection.id)
    }
    if (input._tag === "Checked" && input.passed) suspects.delete(input.id)
    return rules.canCheck
      ? begun(step).flatMap(({ connection: { id } }) =>
        suspects.has(id) ? [`connection ${id} was handed out unchecked though it was suspect`] : []
      )
      : []
  })
}

export const clock = capability<Jump>({
  name: "clock",
  count: (profile, numbers) => profile === "clock" ? 1 + numbers.below(3) : 0,
  draw: (numbers) => ({ at: numbers.below(90), by: numbers.pick([-1_000, -40, -7, 7, 40, 10_000, ASLEEP]) }),
  run: (stage, { at, by }) =>
    Effect.delay(
      Effect.sync(() => {
        stage.tell(`the clock is set by ${by} ms`)
        jump(stage, by)
      }),
      at
    ),
  check: brokenSuspicions
})
