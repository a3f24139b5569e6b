import { describe, expect, it } from "@effect/vitest"
import type { Outcome } from "./outcome.js"
import { committed } from "./outcome.js"
import { add, empty, none } from "./tally.js"
import type { Ended } from "./workload.js"
import { calm } from "./workload.js"

const rolledBack: Outcome = { _tag: "RolledBack", why: "AcquireTimeout" }

const ended = (id: number, outcome: Outcome, period = calm, way = "sql"): Ended => ({
  id,
  from: 1,
  to: 2,
  amount: 3,
  outcome,
  period,
  way
})

describe("The tally of chaos", () => {
  it("counts outcomes and findings in the period of their calls, chapter after chapter", () => {
    const first = add(empty, [ended(1, committed, "kill"), ended(2, rolledBack, "kill"), ended(3, committed)], [
      { _tag: "Lost", id: 1 },
      { _tag: "Doubled", id: 2 },
      { _tag: "Sum", expected: 1, actual: 2 }
    ])
    const both = add(first, [ended(4, committed, "kill")], [])
    expect(both.calls).toBe(4)
    expect(both.of).toEqual(
      new Map([
        ["kill", { ...none, Committed: 2, RolledBack: 1, Lost: 1, Doubled: 1 }],
        [calm, { ...none, Committed: 1 }]
      ])
    )
    expect(first.of.get("kill")).toMatchObject({ Committed: 1 })
  })

  it("says why, of each way", () => {
    const chapter = [ended(1, rolledBack), ended(2, rolledBack, calm, "http"), ended(3, rolledBack)]
    const { reasons } = add(add(empty, chapter, []), chapter, [])
    expect(reasons).toEqual(
      new Map([[calm, new Map([["sql: RolledBack, AcquireTimeout", 4], ["http: RolledBack, AcquireTimeout", 2]])]])
    )
  })
})
