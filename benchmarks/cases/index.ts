/** All work that is compared. A new case is a file here and a line below. */
import type { Case } from "../model.js"
import { churn } from "./churn.js"
import { sleeping } from "./fibers-timer.js"
import { yielding } from "./fibers-yield.js"
import { http } from "./http.js"
import { keyed } from "./keyed.js"
import { maxSize } from "./max-size.js"
import { options } from "./options.js"
import { shared } from "./shared.js"
import { sql } from "./sql.js"
import { stm } from "./stm.js"
import { together } from "./together.js"
import { uncontended } from "./uncontended.js"
import { cancelled } from "./waiters-cancelled.js"
import { expired } from "./waiters-expired.js"
import { waiters } from "./waiters.js"

export const cases: ReadonlyArray<Case> = [
  uncontended,
  yielding,
  sleeping,
  waiters,
  cancelled,
  expired,
  churn,
  maxSize,
  options,
  shared,
  stm,
  together,
  keyed,
  sql,
  http
]
