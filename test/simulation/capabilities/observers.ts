/**
 * Whoever looks: the events, read to their end, and the statistics at any moment.
 *
 * Promises: the events tell each connection's life and each lease's, once and in order; the statistics add up.
 */
import type { PoolEvent } from "@cenote/core/PoolEvent"
import * as Effect from "effect/Effect"
import { spentCount } from "../../../packages/core/src/allocator/state.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"

type Life = { readonly id: number; readonly events: ReadonlyArray<PoolEvent["_tag"]> }

/** An opening that is overtaken by its close says neither that it has ended nor how. */
const life = /^ConnectionOpening,((ConnectionOpened|ConnectionOpenFailed),)?ConnectionClosing,ConnectionClosed$/

const lives = (events: ReadonlyArray<PoolEvent>): ReadonlyArray<Life> => {
  const byId = new Map<number, Array<PoolEvent["_tag"]>>()
  for (const event of events) {
    if (!/^Connection(Opening|Opened|OpenFailed|Closing|Closed)$/.test(event._tag) || !("id" in event)) continue
    byId.set(event.id, [...byId.get(event.id) ?? [], event._tag])
  }
  return [...byId].map(([id, events]) => ({ id, events }))
}

const brokenLives = ({ events }: Finished): ReadonlyArray<string> =>
  lives(events).flatMap(({ events, id }) => {
    const told = events.join()
    // Whoever began to look later than the connection began to open has not seen it all.
    return events[0] !== "ConnectionOpening" || life.test(told) ? [] : [`the events of connection ${id} are ${told}`]
  })

const brokenLeases = ({ events }: Finished): ReadonlyArray<string> => {
  const begun = new Set<number>()
  const ended = new Set<number>()
  return events.flatMap((event) => {
    if (event._tag === "Acquired") {
      if (begun.has(event.lease) || ended.has(event.lease)) return [`lease ${event.lease} begins again`]
      begun.add(event.lease)
    }
    if (event._tag === "Released") {
      if (ended.has(event.lease)) return [`lease ${event.lease} ends twice`]
      ended.add(event.lease)
    }
    return []
  })
}

interface Look {
  readonly at: number
}

export const observers = capability<Look>({
  name: "look",
  count: (_, numbers) => numbers.chance(0.25) ? 1 + numbers.below(3) : 0,
  draw: (numbers) => ({ at: numbers.below(90) }),
  run: ({ allocator, broken, pool }, { at }) =>
    Effect.delay(
      // One operation: nothing comes in between.
      Effect.sync(() => {
        const { checking, closing, idle, leased, opening, resetting } = Effect.runSync(pool.stats)
        const told = opening + idle + leased + checking + resetting + closing
        const spent = spentCount(Effect.runSync(allocator.snapshot))
        if (told !== spent) broken(`the statistics say that ${told} permits are spent, and ${spent} are`)
      }),
      at
    ),
  check: (finished) => [...brokenLives(finished), ...brokenLeases(finished)]
})
