/** When requests come. Nobody who comes knows of the others, or of how they fare: so the load stays as it is, however slow the answers are. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** A time in which so many requests come, beside what the server can do. */
export interface Stretch {
  readonly load: number
  readonly seconds: number
}

/** In milliseconds. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** When each stretch begins and ends. */
export const windows = (stretches: ReadonlyArray<Stretch>): ReadonlyArray<Window> => {
  let end = 0
  return stretches.map(({ seconds }) => {
    const from = end
    end += seconds * 1_000
    return { from, to: end }
  })
}

/**
 * The times, in milliseconds and in order. The gaps between them are exponential. The same seed makes the same times.
 *
 * @param capacity requests a second
 */
export const arrivals = (stretches: ReadonlyArray<Stretch>, capacity: number, seed: number): Float64Array => {
  const random = Random.make(seed)
  const all = Effect.gen(function*() {
    const times: Array<number> = []
    for (const [index, { from, to }] of windows(stretches).entries()) {
      const mean = 1_000 / (stretches[index]!.load * capacity)
      for (let at = from;;) {
        at -= mean * Math.log(1 - (yield* random.next))
        if (at >= to) break
        times.push(at)
      }
    }
    return Float64Array.from(times)
  })
  return Effect.runSync(all)
}
