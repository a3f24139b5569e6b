/** What a process that measures is told, and what it tells. */
import type { Run } from "./load.js"
import type { Figures } from "./outcomes.js"
import type { Course } from "./plan.js"

export interface Request {
  readonly contender: string
  readonly course: Course
  /** Requests a second that the server can do. */
  readonly capacity: number
}

export interface Measured extends Run {
  readonly _tag: "Measured"
  /** Of each window of the course. */
  readonly figures: ReadonlyArray<Figures>
  readonly seconds: ReadonlyArray<Figures>
}

export type Reply = Measured | { readonly _tag: "Stopped"; readonly why: string }
