/** All keys of a keyed pool at one moment. */
import type { KeyedPoolStats } from "../../model/keyed.js"
import type { KeyedSettings } from "../../model/keyedSettings.js"
import * as OrderedMap from "../OrderedMap.js"
import { sizes } from "../state.js"
import type { Keys, KeysPhase } from "./state.js"
import { totals } from "./state.js"

const phases = {
  Running: "running",
  Draining: "draining",
  Closing: "closing",
  Closed: "closed"
} as const satisfies Record<KeysPhase["_tag"], KeyedPoolStats["phase"]>

const sized = ["opening", "idle", "leased", "checking", "resetting", "closing", "waiting"] as const

export const keyedStats = (
  { maxPerKey, name }: Pick<KeyedSettings<any, any, any, any>, "maxPerKey" | "name">,
  known: number,
  keys: Keys
): KeyedPoolStats => {
  const sum = { opening: 0, idle: 0, leased: 0, checking: 0, resetting: 0, closing: 0, waiting: 0 }
  let leases = 0
  for (const { state } of OrderedMap.values(keys.all)) {
    const size = sizes(state)
    for (const what of sized) sum[what] += size[what]
    leases += state.leased.size
  }
  return {
    name,
    phase: phases[keys.phase._tag],
    maxTotal: keys.rules.maxTotal,
    maxPerKey,
    keys: known,
    hungryKeys: keys.hungry.size,
    leases,
    ...sum,
    ...totals(keys)
  }
}
