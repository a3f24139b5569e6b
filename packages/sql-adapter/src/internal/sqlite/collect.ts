import * as v8 from "node:v8"
import * as vm from "node:vm"
import { nextTurn } from "./turn.js"

type Collector = (options: { readonly type: "major"; readonly execution: "async" }) => Promise<void>

/** V8's own, which is there without its flag only where it is asked for like this. */
const collector = (): Collector | undefined => {
  try {
    v8.setFlagsFromString("--expose-gc")
    const gc: unknown = vm.runInNewContext("gc")
    v8.setFlagsFromString("--no-expose-gc")
    return typeof gc === "function" ? gc as Collector : undefined
  } catch {
    // Another engine: it collects when it does.
    return undefined
  }
}

let found: { readonly gc: Collector | undefined } | undefined
let pending: Promise<void> | undefined

/**
 * Has the driver finalize what nobody refers to any more.
 *
 * It closes a database, and with it the file, when the last of its statements and answers has been collected, and has no other way
 * to be told so. It also finalizes a statement on the event loop, and there waits for whatever runs on the same connection: so
 * statements are given up only here, while nothing runs. Those who ask at the same time share one collection.
 */
export const collect = async (): Promise<void> => {
  // Until whoever has just used them has returned.
  await nextTurn()
  found ??= { gc: collector() }
  pending ??= Promise.resolve(found.gc?.({ type: "major", execution: "async" })).then(() => {
    pending = undefined
  })
  await pending
  // Finalizers run in a turn of their own.
  await nextTurn()
  await nextTurn()
}
