/**
 * A connection's connector says that the server is in trouble, as after a failover.
 *
 * Promise: from that moment on, all that is idle is checked before it is handed out (what was suspected: `clock.ts`).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { capability } from "../stage.js"

interface Critical {
  readonly at: number
  readonly connection: number
}

export const criticals = capability<Critical>({
  name: "critical",
  count: (profile, numbers) => profile === "calm" ? 0 : numbers.chance(0.3) ? 1 + numbers.below(2) : 0,
  draw: (numbers) => ({ at: numbers.below(80), connection: numbers.below(4) }),
  run: ({ allocator, broken, fake, isPunctual, settings, tell }, { at, connection }) =>
    Effect.gen(function*() {
      yield* Effect.sleep(at)
      const now = yield* Clock.currentTimeMillis
      const log = yield* fake.log
      // The pool begins to listen a moment after the server has opened it.
      const isHeard = settings.connector.onCritical !== undefined &&
        log.some((entry) => entry.connection === connection && entry.event === "opened" && entry.at < now) &&
        !log.some((entry) => entry.connection === connection && /closing|closed|aborted|killed/.test(entry.event))
      tell(`connection ${connection} says that the server is in trouble`)
      yield* fake.critical(connection)
      // In this time whoever is ready has gone on.
      yield* Effect.sleep(1)
      const { idle } = yield* allocator.snapshot
      const trusted = OrderedMap.values(idle.places).filter(({ verifiedAt }) =>
        verifiedAt !== -Infinity && verifiedAt < now
      )
      if (isPunctual && isHeard && trusted.length > 0) broken(`${trusted.length} are trusted after a critical error`)
    })
})
