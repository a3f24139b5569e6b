/**
 * What a fake server does for a while of virtual time, whatever it was told otherwise: it is down, refuses to let anyone in, is slow, or
 * does not answer. `FakeConnector.outage` begins one now, `FakeConnector.outages` plays a script.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import { FakeConnector, Outage } from "@cenote/core/testing"
 * import * as Effect from "effect/Effect"
 *
 * // From 10 to 40 seconds from now it is down; then it is slow for a while.
 * export const program = Effect.gen(function*() {
 *   const fake = yield* FakeConnector.make()
 *   yield* fake.outages(
 *     Outage.between("10 seconds", "40 seconds"),
 *     Outage.between("40 seconds", "1 minute", Outage.slow("250 millis"))
 *   )
 *   const pool = yield* ConnectionPool.make({ connector: fake.connector })
 *   return yield* pool.use((connection) => connection.call)
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"

/**
 * What an outage is like.
 *
 * - `Down`: every session dies as it begins, and all that is asked meanwhile fails at once. Closing a connection that died succeeds.
 * - `Refuse`: nobody is let in. Sessions live on.
 * - `Slow`: everything takes `by` longer.
 * - `Hang`: what is asked meanwhile is answered when the outage is over, as when packets are lost for a while.
 *
 * @since 0.1.0
 * @category models
 */
export type Manner = Data.TaggedEnum<{
  Down: { readonly reason: string }
  Refuse: { readonly reason: string }
  Slow: { readonly by: Duration.Duration }
  Hang: {}
}>

const Manner = Data.taggedEnum<Manner>()

/**
 * @since 0.1.0
 * @category models
 */
export interface Outage {
  /** In milliseconds from when the script begins. */
  readonly from: number
  /** In milliseconds from when the script begins; Infinity: until `FakeConnector.recover`. */
  readonly to: number
  readonly manner: Manner
}

/**
 * @since 0.1.0
 * @category manners
 */
export const down: Manner = Manner.Down({ reason: "the server is down" })

/**
 * @since 0.1.0
 * @category manners
 */
export const refuse: Manner = Manner.Refuse({ reason: "the server refuses connections" })

/**
 * @since 0.1.0
 * @category manners
 */
export const slow = (by: Duration.DurationInput): Manner => Manner.Slow({ by: Duration.decode(by) })

/**
 * @since 0.1.0
 * @category manners
 */
export const hang: Manner = Manner.Hang()

/**
 * An outage that begins and ends at these times, counted from when the script begins. Where two overlap, the one that was named last
 * holds. Throws a `RangeError` where it ends before it begins.
 *
 * @since 0.1.0
 * @category constructors
 */
export const between = (from: Duration.DurationInput, to: Duration.DurationInput, manner: Manner = down): Outage => {
  const outage = { from: Duration.toMillis(from), to: Duration.toMillis(to), manner }
  if (outage.to < outage.from) {
    throw new RangeError(`An outage must not end (${outage.to} ms) before it begins (${outage.from} ms)`)
  }
  return outage
}
