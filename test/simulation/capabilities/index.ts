/** Everything that a run is made of. */
import type { Capability } from "../stage.js"
import { callers } from "./callers.js"
import { clock } from "./clock.js"
import { closings, interruptedMaking } from "./closing.js"
import { nested } from "./nested.js"
import { observers } from "./observers.js"
import { kills, outages } from "./outage.js"
import { rollbacks } from "./rollback.js"
import { stepFaults } from "./steps.js"

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
  observers
]
