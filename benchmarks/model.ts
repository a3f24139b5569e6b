/** What is compared, on what work, and what a sample is. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A connection to nowhere: what is measured is the pool. */
export class Connection {
  uses = 0
}

/** How a case wants its pool. Everything else is at the library's own defaults. */
export interface Settings {
  readonly maxSize: number
  /** Each connection is closed after its first use. */
  readonly usedOnce: boolean
  /** Milliseconds that a caller waits; the library's default where there is none. */
  readonly acquireTimeout: number | undefined
}

export type Use = <A, E>(body: (connection: Connection) => Effect.Effect<A, E>) => Effect.Effect<A, unknown>

export interface PromisePool {
  readonly acquire: () => Promise<Connection>
  /** The promise is there where a user would wait for it. */
  readonly release: (connection: Connection) => void | Promise<void>
}

/** What not every pool can do. A string says why it cannot. */
export interface Abilities {
  readonly cancel: true | string
  readonly expire: true | string
  readonly retire: true | string
}

/**
 * - `Pool`: bounds how many have a connection.
 * - `Part`: something that a pool is made of. It bounds nothing.
 * - `Option`: Cenote with something on that is off by default. It takes part where a case is about that, beside Cenote as it is.
 * - `Shared`: the same, with leases that share a connection.
 * - `Together`: the same, with a connection of each of two pools.
 * - `Keyed`: the same, with a pool for each key.
 * - `Stm`: the same, with a transaction of one's own; one of them without Cenote.
 * - `Control`: the work of a case without a pool.
 * - `Sql`: asks a database. It takes part where a case asks one, and nobody else does.
 * - `Http`: answers requests, and asks a database. It takes part where a case sends requests, and nobody else does.
 */
export type Role = "Pool" | "Part" | "Option" | "Shared" | "Stm" | "Together" | "Keyed" | "Control" | Asks

interface Named {
  readonly name: string
  readonly role: Role
  readonly can: Abilities
}

/** Used from fibers. */
export interface EffectContender extends Named {
  readonly _tag: "Effect"
  readonly make: (settings: Settings) => Effect.Effect<Use, unknown, Scope.Scope>
}

/** Used from async functions. */
export interface PromiseContender extends Named {
  readonly _tag: "Promise"
  readonly make: (settings: Settings) => Effect.Effect<PromisePool, unknown, Scope.Scope>
}

/** A process that answers requests. The one that measures sends them. */
export interface ServerContender extends Named {
  readonly _tag: "Server"
}

export type Contender = EffectContender | PromiseContender | ServerContender

export const canAll: Abilities = { cancel: true, expire: true, retire: true }

/** One size of a case. */
export interface Point {
  readonly size: number
  /** Uses of a connection, or requests, in one run: what its time is divided by. */
  readonly operations: number
}

/** What a case does with its PostgreSQL server. Whoever takes part has that role. */
export type Asks = "Sql" | "Http"

interface Described {
  /** What `--case` takes. */
  readonly name: string
  readonly title: string
  readonly about: string
  /** What `size` counts. */
  readonly axis: string
  /** Which time the tables show: what passed, or what the processor spent where timers would hide it. */
  readonly measure: Measure
  readonly points: ReadonlyArray<Point>
  readonly asks?: Asks
  /** How many processes share its rounds, where one is not enough to tell small differences. */
  readonly processes?: number
  /** How long it goes on, where that is not as long as most do. */
  readonly seconds?: number
  /** What `--quick` runs of it. */
  readonly quick: Quick | undefined
}

/** Work that is done in the process that measures. */
export interface LoopCase extends Described {
  readonly _tag: "Loop"
  readonly needs?: keyof Abilities
  /** Whether parts are compared as well. */
  readonly parts?: true
  /** Whether it is about Cenote with something that is off by default: only who has that role takes part, and Cenote as it is. */
  readonly variants?: "Option" | "Shared" | "Stm" | "Together" | "Keyed"
  /** Contenders that do the work without a pool: one with fibers, one with promises. */
  readonly controls: ReadonlyArray<string>
  readonly settings: (point: Point) => Settings
  readonly effect: (use: Use, point: Point) => Effect.Effect<void, unknown>
  readonly promise: (pool: PromisePool, point: Point) => Promise<void>
}

/** Requests to servers that are processes of their own; `size` is how many clients there are at once. */
export interface LoadCase extends Described {
  readonly _tag: "Load"
  readonly asks: "Http"
}

export type Case = LoopCase | LoadCase

export interface Quick {
  /** Only where the case is asked for by its name. */
  readonly named?: true
  readonly sizes: ReadonlyArray<number>
  /** `judged`: those whom a budget names. */
  readonly contenders: "judged" | "Cenote" | "all"
}

/** What is asked for by a request. */
export const kinds = ["transfer", "account"] as const

export type Kind = (typeof kinds)[number]

/** What half, and all but a hundredth, of the requests of a kind took at most. */
export type Percentile = `${Kind} p50` | `${Kind} p99`

export type Measure = "wall" | "cpu" | Percentile

/** Microseconds for one operation: what passed, and what the processor spent in the process of the contender. */
export interface Sample extends Readonly<Partial<Record<Percentile, number>>> {
  readonly round: number
  readonly wall: number
  readonly cpu: number
}

/** How a contender did at one point of a case. */
export type Outcome =
  | { readonly _tag: "Sampled"; readonly samples: ReadonlyArray<Sample> }
  | { readonly _tag: "Stopped"; readonly why: string }

export interface Row {
  readonly contender: string
  readonly size: number
  readonly outcome: Outcome
}

export interface Result {
  readonly case: string
  readonly rows: ReadonlyArray<Row>
}

/** Whom everybody is put beside. */
export const base = "Cenote `use`"
