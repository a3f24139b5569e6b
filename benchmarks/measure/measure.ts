/** Measures a case: in one process with everybody, without those who cannot do it. */
import * as Effect from "effect/Effect"
import type { Case, Contender, Outcome, Result, Row, Sample } from "../model.js"
import { base } from "../model.js"
import type { Limits } from "./child.js"
import { run } from "./child.js"
import type { Effort, Entry, Heap, Message, Other } from "./protocol.js"

export interface Plan {
  readonly case: Case
  readonly sizes: ReadonlyArray<number>
  readonly contenders: ReadonlyArray<Contender>
  readonly effort: Effort
  readonly limits: Limits
  readonly other: Other | undefined
}

const takesPart = (work: Case, { name, role }: Contender): boolean => {
  if (work.asks !== undefined) return role === work.asks
  if (work.variants !== undefined) return role === work.variants || name === base
  switch (role) {
    case "Sql":
    case "Http":
    case "Option":
    case "Shared":
    case "Stm":
    case "Together":
    case "Keyed":
      return false
    case "Pool":
      return true
    case "Part":
      return work.parts === true
    case "Control":
      return work.controls.includes(name)
  }
}

const stopped = (why: string): Outcome => ({ _tag: "Stopped", why })

const key = ({ contender, size }: Entry) => `${size} ${contender}`

/** Someone who cannot do a size is not asked for a larger one. */
const isBeyond = (failed: Entry) => ({ contender, size }: Entry) =>
  contender === failed.contender && size >= failed.size

type Report = (what: string) => void

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

const runOnce = (plan: Plan, entries: ReadonlyArray<Entry>, report: Report) =>
  Effect.suspend(() => {
    const timed: Array<Of<"Timed">> = []
    const failures: Array<Of<"Failed">> = []
    const request = { _tag: "Time", case: plan.case.name, entries, effort: plan.effort, other: plan.other } as const
    return run(request, plan.limits, (message) => {
      switch (message._tag) {
        case "Trying":
          return report(`${plan.case.name} ${message.size}: ${message.contender}`)
        case "Failed":
          return void failures.push(message)
        case "Timed":
          return void timed.push(message)
      }
    }).pipe(Effect.map((end) => ({ end, timed, failures })))
  })

export const measure = (plan: Plan, report: Report): Effect.Effect<Result> =>
  Effect.gen(function*() {
    const outcomes = new Map<string, Outcome>()
    const needs = plan.case._tag === "Loop" ? plan.case.needs : undefined
    const all = plan.contenders.filter((contender) => takesPart(plan.case, contender))
    const entries = plan.sizes.flatMap((size) => all.map(({ name }): Entry => ({ contender: name, size })))

    let able: ReadonlyArray<Entry> = entries.filter((entry) => {
      const ability = needs === undefined || all.find(({ name }) => name === entry.contender)?.can[needs]
      if (typeof ability === "string") outcomes.set(key(entry), stopped(ability))
      return ability === true
    })
    const exclude = (failed: Entry, why: string) => {
      const beyond = isBeyond(failed)
      for (const entry of able.filter(beyond)) {
        const isFirst = entry.size === failed.size
        outcomes.set(key(entry), stopped(isFirst ? why : "not tried"))
      }
      able = able.filter((entry) => !beyond(entry))
    }

    const samples = new Map<string, Array<Sample>>()
    for (let done = 0; done < plan.effort.processes && able.length > 0;) {
      const { end, failures, timed } = yield* runOnce(plan, able, report)
      for (const { contender, size, why } of failures) exclude({ contender, size }, why)
      if (end._tag === "Died") {
        if (end.during === undefined) return yield* Effect.dieMessage(`The worker ${end.why}`)
        exclude(end.during, end.why)
        continue
      }
      for (const { sample, ...entry } of timed) {
        const all = samples.get(key(entry)) ?? []
        // Rounds of different processes are different rounds.
        all.push({ ...sample, round: sample.round + done * plan.effort.mostRounds })
        samples.set(key(entry), all)
      }
      done++
    }
    for (const entry of able) {
      outcomes.set(key(entry), { _tag: "Sampled", samples: samples.get(key(entry)) ?? [] })
    }

    const rows = entries.map((entry): Row => ({ ...entry, outcome: outcomes.get(key(entry)) as Outcome }))
    return { case: plan.case.name, rows }
  })

export interface HeapRow extends Entry {
  readonly outcome: { readonly _tag: "Weighed"; readonly heap: Heap } | Extract<Outcome, { _tag: "Stopped" }>
}

/** Weighs the waiters of one contender. */
export const weigh = (
  contender: string,
  sizes: ReadonlyArray<number>,
  repeats: number,
  limits: Limits,
  report: Report
): Effect.Effect<ReadonlyArray<HeapRow>> =>
  Effect.gen(function*() {
    const rows: Array<HeapRow> = []
    const end = yield* run({ _tag: "Heap", contender, sizes, repeats }, limits, (message) => {
      if (message._tag === "Trying") report(`heap ${message.size}: ${contender}`)
      if (message._tag === "Weighed") {
        const { heap, size } = message
        rows.push({ contender, size, outcome: { _tag: "Weighed", heap } })
      }
    })
    if (end._tag === "Died" && end.during === undefined) return yield* Effect.dieMessage(`The worker ${end.why}`)
    for (const size of sizes.slice(rows.length)) {
      const isFirst = end._tag === "Died" && end.during?.size === size
      rows.push({ contender, size, outcome: { _tag: "Stopped", why: isFirst ? end.why : "not tried" } })
    }
    return rows
  })
