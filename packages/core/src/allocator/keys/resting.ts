/** What becomes of a key that has no connection and for which nobody asks. */
import type { Work } from "../decision.js"
import * as OrderedMap from "../OrderedMap.js"
import type { Key, Keys } from "./state.js"
import { drop } from "./state.js"

/** When it is to be looked at. */
export const restDue = (keys: Keys, id: number): number =>
  (OrderedMap.get(keys.all, id)?.restsSince ?? Infinity) + keys.rules.keyIdleTimeout

/** Whether it is to go now. */
const isOver = ({ rules }: Keys, { isForgotten, restsSince, state }: Key, now: number): boolean =>
  restsSince < Infinity && (isForgotten || state.phase._tag === "Closed" || now - restsSince >= rules.keyIdleTimeout)

export const dropIfOver = (keys: Keys, id: number, now: number, work: Array<Work>): Keys => {
  const key = OrderedMap.get(keys.all, id)
  if (key === undefined || !isOver(keys, key, now)) return keys
  work.push({ _tag: "Gone", key: id })
  return drop(keys, key)
}
