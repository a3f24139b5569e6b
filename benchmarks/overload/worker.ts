/** A process that asks one contender. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { url } from "../measure/url.js"
import { arrivals } from "./arrivals.js"
import { contenders, maxSize } from "./contenders.js"
import { drive, open, warmUp } from "./load.js"
import { bySecond, figures, Outcomes } from "./outcomes.js"
import { lengthOf, patience } from "./plan.js"
import type { Reply, Request } from "./protocol.js"

/** Everybody is asked at the same times. */
const seed = 1

const tell = (reply: Reply): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.send?.(reply, undefined, {}, () => resume(Effect.void))
  })

const measure = ({ capacity, contender: name, course }: Request) =>
  Effect.gen(function*() {
    const contender = contenders.find((contender) => contender.name === name)
    if (contender === undefined) return yield* Effect.dieMessage(`Bug in the benchmarks: there is no pool ${name}`)
    const outcomes = new Outcomes(arrivals(course.stretches, capacity, seed), patience)
    const end = lengthOf(course) * 1_000
    const handle = yield* open(contender, url())
    yield* warmUp(handle, maxSize, course.warm)
    const run = yield* drive(outcomes, patience, handle, end)
    yield* tell({
      _tag: "Measured",
      ...run,
      figures: course.windows.map((window) => figures(outcomes, window)),
      seconds: bySecond(outcomes, { from: 0, to: end })
    })
  })

// The parent has gone.
process.on("disconnect", () => process.exit(1))

await Effect.runPromise(
  // What it takes to close a pool with such a queue is not of interest.
  Effect.scoped(Effect.zipRight(measure(JSON.parse(process.argv[2] as string)), Effect.sync(() => process.exit(0))))
    .pipe(
      Effect.catchAllCause((cause) => tell({ _tag: "Stopped", why: Cause.pretty(cause) }))
    )
)
process.exit(1)
