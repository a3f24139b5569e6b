/**
 * Statements that their server is told to stop, since the pool closes without them: over connections of their own, which end with the process. An
 * application that ends after its pool would end before they are heard, and the server go on with what nobody wants.
 */
import type { Connector } from "@cenote/core/Connector"
import * as Connectors from "@cenote/core/Connector"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { timer } from "../timer.js"

/** Called where a kill begins. What it answers is called once, when the kill was heard or is given up. */
export type OnKill = () => () => void

interface Killing {
  readonly listenKill: (onKill: OnKill) => void
}

/** How long a server may take to hear of it, in milliseconds: it hears of it in a round trip or two, or not at all. */
const patience = 1_000

/** The same connector. The Scope, which is to be closed after the pool, waits at its end for the kills that are on their way. */
export const awaitingKills = <A, E>(
  connector: Connector<A, E>,
  wireOf: (connection: A) => Killing
): Effect.Effect<Connector<A, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const after = yield* timer
    let count = 0
    let heard: (() => void) | undefined
    const onKill: OnKill = () => {
      count++
      return () => {
        count--
        if (count === 0) heard?.()
      }
    }
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        if (count === 0) return resume(Effect.void)
        const stopTimer = after(patience, () => resume(Effect.void))
        heard = () => {
          stopTimer()
          resume(Effect.void)
        }
      })
    )
    return Connectors.make({
      ...connector,
      open: Effect.tap(connector.open, (connection) => Effect.sync(() => wireOf(connection).listenKill(onKill)))
    })
  })
