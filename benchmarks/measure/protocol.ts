/** What a worker is told, and what it tells. */
import type { Sample } from "../model.js"

/** A contender at one size. */
export interface Entry {
  readonly contender: string
  readonly size: number
}

export interface Effort {
  /** How long each contender does the work before anything counts. */
  readonly warmUpMilliseconds: number
  /** How many processes share the rounds. What one of them compiles well or badly by chance, another may not. */
  readonly processes: number
  /** How long to go on, in all, after the fewest rounds. */
  readonly seconds: number
  readonly fewestRounds: number
  readonly mostRounds: number
}

/** Where another commit's build of `@cenote/core` is, and how to call it. */
export interface Other {
  readonly name: string
  readonly module: string
}

export type Request =
  | {
    readonly _tag: "Time"
    readonly case: string
    readonly entries: ReadonlyArray<Entry>
    readonly effort: Effort
    readonly other: Other | undefined
  }
  | {
    readonly _tag: "Heap"
    readonly contender: string
    readonly sizes: ReadonlyArray<number>
    readonly repeats: number
  }

/** What so many waiters take. */
export interface Heap {
  /** Of each waiter. */
  readonly bytes: number
  /** Of each waiter, in the same run, where there is no pool. */
  readonly bare: number
  /** Of the process, while they wait. */
  readonly timers: number
}

export type Message =
  | ({ readonly _tag: "Trying" } & Entry)
  | ({ readonly _tag: "Failed"; readonly why: string } & Entry)
  | ({ readonly _tag: "Ready" } & Entry)
  | { readonly _tag: "Warm" }
  | ({ readonly _tag: "Timed"; readonly sample: Sample } & Entry)
  | ({ readonly _tag: "Weighed"; readonly heap: Heap } & Entry)
  | { readonly _tag: "Done" }
