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
 * - `Control`: the work of a case without a pool.
 * - `Sql`: asks a server. It takes part where a case asks one, and nobody else does.
 */
export type Role = "Pool" | "Part" | "Control" | "Sql"

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

export type Contender = EffectContender | PromiseContender

export const canAll: Abilities = { cancel: true, expire: true, retire: true }

/** One size of a case. */
export interface Point {
  readonly size: number
  /** Uses of a connection in one run: what its time is divided by. */
  readonly operations: number
}

export interface Case {
  /** What `--case` takes. */
  readonly name: string
  readonly title: string
  readonly about: string
  /** What `size` counts. */
  readonly axis: string
  /** Which time the tables show: what passed, or what the processor spent where timers would hide it. */
  readonly measure: Measure
  readonly points: ReadonlyArray<Point>
  readonly needs?: keyof Abilities
  /** The server that it is about. */
  readonly asks?: "PostgreSQL"
  /** Whether parts are compared as well. */
  readonly parts?: true
  /** How many processes share its rounds, where one is not enough to tell small differences. */
  readonly processes?: number
  /** Contenders that do the work without a pool: one with fibers, one with promises. */
  readonly controls: ReadonlyArray<string>
  /** What `--quick` runs of it. */
  readonly quick: Quick | undefined
  readonly settings: (point: Point) => Settings
  readonly effect: (use: Use, point: Point) => Effect.Effect<void, unknown>
  readonly promise: (pool: PromisePool, point: Point) => Promise<void>
}

export interface Quick {
  readonly sizes: ReadonlyArray<number>
  /** `judged`: those whom a budget names. */
  readonly contenders: "judged" | "Cenote"
}

export type Measure = "wall" | "cpu"

/** Microseconds for one operation. */
export interface Sample {
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
