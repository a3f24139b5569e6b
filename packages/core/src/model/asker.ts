import type * as Fiber from "effect/Fiber"
import type { Priority } from "./options.js"

/** The fiber that asks. The allocator only tells whether two are the same. */
export type Asker = Fiber.RuntimeFiber<any, any>

/** How it asks. */
export interface Manner {
  readonly priority: Priority
  /** What its class has ahead of the normal one, in milliseconds. */
  readonly headStart: number
  /** Whether it says that it will hold the connection for long. */
  readonly isLong: boolean
  /** Whether it may have a connection that others have, too. */
  readonly mayShare: boolean
  /** Whose seat it is, where one caller waits for several connections at once. */
  readonly party: object | undefined
  /** Has the stack of where it asks, if that is traced. */
  readonly origin: Error | undefined
}

/** As most do. */
export const plain: Manner = {
  priority: "normal",
  headStart: 0,
  isLong: false,
  mayShare: false,
  party: undefined,
  origin: undefined
}

/** As most do where connections are shared. */
export const sharing: Manner = { ...plain, mayShare: true }
