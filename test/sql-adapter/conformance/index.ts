/** What every SQL client here must do, whatever the database. Each adapter runs all of it. */
import type { Vitest } from "@effect/vitest"
import { life } from "./life.js"
import { outliving } from "./outliving.js"
import { statements } from "./statements.js"
import { streams } from "./streams.js"
import type { Subject } from "./subject.js"
import { testOf } from "./subject.js"
import { transactions } from "./transactions.js"

export const conformance = <R>(it: Vitest.MethodsNonLive<R, boolean>, subject: Subject<R>): void => {
  const test = testOf(it)
  statements(test, subject)
  transactions(test, subject)
  outliving(test, subject)
  streams(test, subject)
  life(test, subject)
}
