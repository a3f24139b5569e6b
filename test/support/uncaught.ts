/** What would have ended the process, or is nobody's. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const events = ["uncaughtException", "unhandledRejection"] as const

/** Collects them until the Scope closes, instead of whoever listens otherwise. */
export const uncaught: Effect.Effect<ReadonlyArray<unknown>, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const errors: Array<unknown> = []
      const note = (error: unknown) => void errors.push(error)
      const others = events.map((event) => {
        // A rejection's listeners have a type of their own, which makes no difference here.
        const listeners = process.listeners(event as "uncaughtException")
        process.removeAllListeners(event)
        process.on(event, note)
        return { event, listeners }
      })
      return { errors, note, others }
    }),
    ({ note, others }) =>
      Effect.sync(() => {
        for (const { event, listeners } of others) {
          process.off(event, note)
          for (const listener of listeners) process.on(event as "uncaughtException", listener)
        }
      })
  ),
  ({ errors }) => errors
)
