/** What happens, for those who listen while it does. Of this process only: for more than one, see PgClient's `listen`. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { Entry } from "./domain.js"

/** Ends when the application is told to stop. An event stream has no end of its own, and would be waited for. Default: never. */
export class Stopping extends Context.Reference<Stopping>()("service/Stopping", {
  defaultValue: (): Effect.Effect<unknown> => Effect.never
}) {}

/** Who is so many events behind misses the oldest. */
const longestBacklog = 1024

export class Events extends Effect.Service<Events>()("service/Events", {
  effect: Effect.gen(function*() {
    const entries = yield* PubSub.sliding<Entry>(longestBacklog)
    const stopping = yield* Stopping

    return {
      publish: (entry: Entry) => PubSub.publish(entries, entry),

      /** The transfers from when the stream is run. `first` is run after that, so nothing is missed between the two. */
      since: <A, E, R>(first: Effect.Effect<A, E, R>): Stream.Stream<A | Entry, E, R> =>
        Stream.unwrapScoped(Effect.gen(function*() {
          const subscription = yield* PubSub.subscribe(entries)
          return Stream.concat(Stream.fromEffect(first), Stream.fromQueue(subscription))
        })).pipe(Stream.interruptWhen(stopping))
    }
  })
}) {}
