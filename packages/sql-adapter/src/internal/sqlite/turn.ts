import { setImmediate } from "node:timers"

/** Lets the event loop have its turn. No time passes: it is not the Clock's. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
