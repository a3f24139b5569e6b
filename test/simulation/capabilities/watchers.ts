/**
 * Whoever watches: asks how the pool is, and scrapes its metrics, at any moment.
 *
 * Promises: an answer takes no time; a pool is down exactly when who asks now gets nothing from it; what a scrape says is what the pool's
 * statistics say at that moment, and nothing when its registration has ended.
 */
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import type { State } from "../../../packages/core/src/allocator/state.js"
import { isClosing, openCount, sizes } from "../../../packages/core/src/allocator/state.js"
import { healthOf } from "../../../packages/core/src/request/health.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"

const NAME = "simulated"

/** The series of one metric, by state, as they are at this moment. */
const scrape = (metric: string): ReadonlyArray<readonly [state: string | undefined, value: number]> =>
  Metric.unsafeSnapshot().flatMap(({ metricKey: { name, tags }, metricState }) =>
    name === metric && tags.some(({ value }) => value === NAME) && MetricState.isCounterState(metricState)
      ? [[tags.find(({ key }) => key === "db.client.connection.state")?.value, Number(metricState.count)]]
      : []
  )

/** Nothing comes between the two: it is one operation. */
const compare = ({ broken, pool }: Stage): Effect.Effect<void> =>
  Effect.sync(() => {
    const stats = Effect.runSync(pool.stats)
    if (stats.phase === "closed") return
    const { checking, closing, idle, leased, opening, resetting } = stats
    const told = Object.fromEntries(scrape("db.client.connection.count"))
    const expected = { idle, used: leased, opening, checking, resetting, closing }
    for (const [state, count] of Object.entries(expected)) {
      if (told[state] !== count) broken(`the metrics say ${told[state]} ${state}, and there are ${count}`)
    }
    const [waiting] = scrape("db.client.connection.pending_requests")
    if (waiting?.[1] !== stats.waiting) broken(`the metrics say ${waiting?.[1]} waiting, and ${stats.waiting} are`)
  })

const silent = ({ broken }: Stage): Effect.Effect<void> =>
  Effect.sync(() => {
    const left = scrape("db.client.connection.count").filter(([, count]) => count !== 0)
    if (left.length > 0) broken(`the metrics of a pool that nobody watches any more say ${left.join()}`)
  })

const ask = ({ broken, isPunctual, pool }: Stage): Effect.Effect<void> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    yield* pool.health
    const took = (yield* Clock.currentTimeMillis) - began
    if (isPunctual && took !== 0) broken(`asking for its health took ${took} ms`)
  })

/** What is wrong with what a state is said to be. */
const misjudged = (state: State, acquireTimeout: number, now: number): ReadonlyArray<string> => {
  const { _tag, reasons } = healthOf(NAME, state, acquireTimeout, now)
  const { leased, maxSize, waiting } = sizes(state)
  const refuses = isClosing(state) || state.phase._tag === "Draining" ||
    (state.phase._tag === "Suspended" && state.phase.newcomers === "refuse")
  const cannotConnect = openCount(state) === 0 && state.upkeep.failedInARow > 0
  return [
    ...refuses && _tag !== "Down" ? [`a pool that refuses newcomers is said to be ${_tag}`] : [],
    ...!refuses && !cannotConnect && _tag === "Down" ? ["a pool that can serve is said to be down"] : [],
    ..._tag === "Healthy" && waiting > 0 && leased >= maxSize ? ["a saturated pool is said to be healthy"] : [],
    ...(_tag === "Healthy") !== (reasons.length === 0) ? [`a pool that is ${_tag} has ${reasons.length} reasons`] : []
  ]
}

interface Watch {
  readonly at: number
  readonly duration: number
}

export const watchers = capability<Watch>({
  name: "watch",
  count: (_, numbers) => numbers.chance(0.2) ? 1 : 0,
  draw: (numbers) => ({ at: numbers.below(90), duration: numbers.below(60) }),
  run: (stage, { at, duration }) =>
    Effect.gen(function*() {
      yield* Effect.sleep(at)
      yield* Effect.scoped(
        Effect.gen(function*() {
          yield* PoolMetrics.register(stage.pool, { name: NAME })
          yield* compare(stage)
          yield* ask(stage)
          yield* Effect.sleep(duration)
          yield* ask(stage)
          yield* compare(stage)
        })
      )
      yield* silent(stage)
    }),
  check: (
    { history, settings: { acquireTimeout } }: Finished
  ) => [...new Set(history.flatMap(({ input, state }) => misjudged(state, acquireTimeout, input.now)))]
})
