/** What has come out so far: as much for an hour as for a minute. */
import type { Finding } from "./judge.js"
import type { Outcome } from "./outcome.js"
import type { Ended, Period } from "./workload.js"

export type Count = Readonly<Record<Outcome["_tag"] | "Lost" | "Doubled", number>>

export const none: Count = { Committed: 0, RolledBack: 0, Unknown: 0, Unexpected: 0, Lost: 0, Doubled: 0 }

export interface Tally {
  readonly calls: number
  readonly of: ReadonlyMap<Period, Count>
  /** How often calls of a way ended for a reason, in a period. */
  readonly reasons: ReadonlyMap<Period, ReadonlyMap<string, number>>
}

export const empty: Tally = { calls: 0, of: new Map(), reasons: new Map() }

const reasonOf = ({ outcome, way }: Ended): string =>
  `${way}: ${"why" in outcome ? `${outcome._tag}, ${outcome.why}` : outcome._tag}`

const idsOf = (findings: ReadonlyArray<Finding>, tag: "Lost" | "Doubled"): ReadonlySet<number> =>
  new Set(findings.flatMap((finding) => finding._tag === tag ? [finding.id] : []))

/** With those that have ended since, and what was found of them. */
export const add = (tally: Tally, calls: ReadonlyArray<Ended>, findings: ReadonlyArray<Finding>): Tally => {
  const lost = idsOf(findings, "Lost")
  const doubled = idsOf(findings, "Doubled")
  const of = new Map(tally.of)
  const reasons = new Map(Array.from(tally.reasons, ([period, counts]) => [period, new Map(counts)]))
  for (const call of calls) {
    const { id, outcome, period } = call
    const before = of.get(period) ?? none
    of.set(period, {
      ...before,
      [outcome._tag]: before[outcome._tag] + 1,
      Lost: before.Lost + (lost.has(id) ? 1 : 0),
      Doubled: before.Doubled + (doubled.has(id) ? 1 : 0)
    })
    const counts = reasons.get(period) ?? new Map<string, number>()
    const reason = reasonOf(call)
    reasons.set(period, counts.set(reason, (counts.get(reason) ?? 0) + 1))
  }
  return { calls: tally.calls + calls.length, of, reasons }
}
