/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ConnectionPool } from "../model/pool.js"

const Millis = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())

const Size = Schema.Number.pipe(Schema.int(), Schema.nonNegative())

/**
 * What the console can do to a pool. Durations are milliseconds.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Action = Schema.Union(
  Schema.Struct({ action: Schema.Literal("clear"), abortLeases: Schema.optional(Schema.Boolean) }),
  Schema.Struct({ action: Schema.Literal("recycle"), within: Millis }),
  Schema.Struct({
    action: Schema.Literal("suspend"),
    duration: Schema.optional(Millis),
    newcomers: Schema.optional(Schema.Literal("wait", "refuse"))
  }),
  Schema.Struct({ action: Schema.Literal("resume") }),
  Schema.Struct({
    action: Schema.Literal("resize"),
    maxSize: Schema.optional(Size),
    minSize: Schema.optional(Size),
    minIdle: Schema.optional(Size)
  })
)

/**
 * @since 0.1.0
 * @category models
 */
export type Action = typeof Action.Type

/**
 * An action that somebody asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  /** The pool's name in the console. */
  readonly pool: string
  readonly action: Action
}

/**
 * What the console shows of a server: a table, as of `pg_stat_activity`. Texts are shown as they are, so there must be no secret in them.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerView = ReadonlyArray<{ readonly [column: string]: string | number | boolean | null }>

/**
 * What a console is made of. `R` is what may be asked for in a request, as who sent it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /** The pools by the names that the console gives them. */
  readonly pools: { readonly [name: string]: ConnectionPool<any, any> }
  /**
   * Who may read. `"anyone"` who can reach it; else an Effect that runs for each request, and refuses it by failing. There is no default: what a
   * console shows (names of spans, stacks, errors of the server) is not for everybody.
   */
  readonly read: "anyone" | Effect.Effect<unknown, unknown, R>
  /**
   * Who may act. It runs for each action, after `read`, and refuses it by failing. Without it the console is read-only: there are no routes for
   * actions, and no buttons.
   */
  readonly authorize?: ((asked: Asked) => Effect.Effect<unknown, unknown, R>) | undefined
  /**
   * How a pool's server sees it, where somebody can tell. It is asked once a second while a page is open, interrupted after 2 seconds, and should not wait for this pool.
   */
  readonly server?: { readonly [name: string]: Effect.Effect<ServerView, unknown, R> } | undefined
  /**
   * Ends when the server is told to stop. The event streams of open pages end with it: a server that lets requests finish would wait for them.
   * Default: they end with their clients.
   */
  readonly stopping?: Effect.Effect<unknown, unknown> | undefined
  /** How often the pools are looked at while somebody watches. At least 100 ms. Default: 1 second. */
  readonly sampleEvery?: Duration.DurationInput | undefined
}
