/** Everything that a run is made of. */
import type { Capability } from "../stage.js"
import { callers } from "./callers.js"
import { claims } from "./claims.js"
import { clock } from "./clock.js"
import { closings, interruptedMaking } from "./closing.js"
import { criticals } from "./critical.js"
import { crowds } from "./crowd.js"
import { knots } from "./deadlock.js"
import { stays } from "./leases.js"
import { nested } from "./nested.js"
import { observers } from "./observers.js"
import { operators } from "./operations.js"
import { kills, outages } from "./outage.js"
import { parties } from "./parties.js"
import { rollbacks } from "./rollback.js"
import { shares } from "./shares.js"
import { bursts } from "./spare.js"
import { stepFaults } from "./steps.js"
import { tenants } from "./tenants.js"
import { watchers } from "./watchers.js"

export const capabilities: ReadonlyArray<Capability<any>> = [
  callers,
  nested,
  stepFaults,
  kills,
  outages,
  closings,
  interruptedMaking,
  clock,
  rollbacks,
  observers,
  watchers,
  operators,
  crowds,
  knots,
  stays,
  bursts,
  criticals,
  shares,
  claims,
  parties,
  tenants
]
