/** A connection ends because another key of a keyed pool has more need of its permit. */
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { closeIdle } from "./ends.js"
import * as OrderedMap from "./OrderedMap.js"
import { settle } from "./settle.js"
import { condemnSurplus, leavingCount } from "./shared.js"
import type { State } from "./state.js"
import { act } from "./upkeep.js"

/** The one that is idle for longest ends. Where none is, one that is shared takes no more leases: it might never be empty by itself. */
export const cede = (state: State, now: number): readonly [Act, State] => {
  const idle = OrderedMap.first(state.idle.places)
  if (idle === undefined) return [nothing, condemnSurplus(state, leavingCount(state) + 1, "Ceded")]
  const work: Array<Work> = []
  return act(settle(closeIdle(state, idle, "Ceded", now, work), now, work), now, work)
}
