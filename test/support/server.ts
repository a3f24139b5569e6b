/** A database server of one's own, of whatever kind. */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

export interface OwnServer<E> {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: Redacted.Redacted
  readonly url: Redacted.Redacted
  /** Of all of its files. */
  readonly folder: string
  readonly start: Effect.Effect<void, E>
  /** Ends all sessions. Its data stay. */
  readonly stop: Effect.Effect<void, E>
  readonly restart: Effect.Effect<void, E>
  /** Stops all of its processes as they are, until `thaw`. Linux only, as `kill`. */
  readonly freeze: Effect.Effect<void, E>
  readonly thaw: Effect.Effect<void, E>
  /** SIGKILL for all of its processes; waits until they are gone. `start` recovers its data. */
  readonly kill: Effect.Effect<void, E>
  /** As an administrator, over a connection of its own. */
  readonly query: (
    sql: string,
    params?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Record<string, any>>, E>
}
