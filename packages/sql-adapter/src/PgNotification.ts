/**
 * What a listener of a channel hears.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * - `Notification`: somebody notified the channel. `payload` is empty where none was given.
 * - `Gap`: the connection that listens was lost and another one listens again: what was sent from `since` (milliseconds since 1970) to
 *   `until` was not heard. Look for what has changed.
 *
 * @since 0.1.0
 * @category models
 */
export type Heard = Data.TaggedEnum<{
  Notification: { readonly channel: string; readonly payload: string; readonly processId: number }
  Gap: { readonly channel: string; readonly since: number; readonly until: number; readonly reason: unknown }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Heard = Data.taggedEnum<Heard>()
