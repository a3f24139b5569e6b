/**
 * What Cenote costs, beside what else one could use. Each case is a process in which everybody has a turn in each round; a
 * contender that needs too much memory or time is stopped, and its row says so.
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { build, head } from "./against.js"
import type { Arguments } from "./arguments.js"
import { parse, usage } from "./arguments.js"
import { cases } from "./cases/index.js"
import { ours } from "./contenders/cenote.js"
import { contenders } from "./contenders/index.js"
import type { Limits } from "./measure/child.js"
import type { HeapRow } from "./measure/measure.js"
import { measure, weigh } from "./measure/measure.js"
import * as Postgres from "./measure/postgres.js"
import type { Effort, Other } from "./measure/protocol.js"
import type { Case, Contender, Result } from "./model.js"
import { base } from "./model.js"
import { runMain } from "./program.js"
import * as Progress from "./progress.js"
import type { Budget } from "./report/budgets.js"
import { budgets, isLost, judged } from "./report/budgets.js"
import { casesText, write } from "./report/document.js"
import { againstTable, budgetTable } from "./report/tables.js"

class Slow extends Data.TaggedError("Slow")<{ readonly message: string }> {}

const effort = ({ against, quick, seconds }: Arguments, { processes = 1, ...work }: Case): Effort => ({
  warmUpMilliseconds: quick ? 100 : 200,
  processes: against !== undefined ? 3 : quick ? 1 : processes,
  seconds: seconds ?? (quick ? 2 : work.seconds ?? 30),
  fewestRounds: against !== undefined ? 15 : quick ? 3 : 5,
  mostRounds: 200
})

/** Of one turn. */
const limitsOf = ({ young }: Arguments): Limits => ({ seconds: 10, megabytes: 2048, young })

/** Of a turn that takes seconds: to collect the heap of 100,000 fibers, or to answer 1,000 clients. */
const longLimitsOf = (args: Arguments): Limits => ({ ...limitsOf(args), seconds: 60 })

/** What is measured of a case. */
interface Selection {
  readonly case: Case
  readonly sizes: ReadonlyArray<number>
  readonly contenders: ReadonlyArray<Contender>
}

const select = (args: Arguments, other: Other | undefined): ReadonlyArray<Selection> =>
  cases.flatMap((work) => {
    // Cenote beside itself is about the pool.
    if (other !== undefined && work.asks !== undefined) return []
    const isQuick = work.quick !== undefined && work.quick.named !== true
    const isWanted = args.case.length > 0 ? args.case.includes(work.name) : !args.quick || isQuick
    if (!isWanted) return []
    const quick = args.quick ? work.quick : undefined
    const among = other !== undefined
      ? [...ours("Cenote"), ...ours(other.name)]
      : !args.quick || quick?.contenders === "all"
      ? contenders
      : contenders.filter(({ _tag, name, role }) =>
        _tag === "Effect"
        && (role === "Control" || name.startsWith("Cenote") ||
          (quick?.contenders === "judged" && judged.includes(name)))
      )
    return [{ case: work, sizes: quick?.sizes ?? work.points.map(({ size }) => size), contenders: among }]
  })

/** Whose waiters are weighed. */
const weighed = (args: Arguments, other: Other | undefined): ReadonlyArray<string> => {
  if (other !== undefined || (args.case.length > 0 && !args.case.includes("heap"))) return []
  return args.quick ? [base] : contenders.filter(({ role }) => role === "Pool").map(({ name }) => name)
}

const heapSizes = ({ quick }: Arguments) => quick ? [10_000] : [1000, 10_000, 100_000]

const measureAll = (args: Arguments, other: Other | undefined) =>
  Effect.gen(function*() {
    const selected = select(args, other)
    const heaps = weighed(args, other)
    if (selected.some((selection) => selection.case.asks !== undefined)) yield* Postgres.server
    const progress = yield* Progress.make(selected.length + heaps.length)
    const results: Array<Result> = []
    for (const selection of selected) {
      const plan = {
        ...selection,
        effort: effort(args, selection.case),
        limits: selection.case._tag === "Load" ? longLimitsOf(args) : limitsOf(args),
        other
      }
      results.push(yield* measure(plan, progress.now))
      yield* progress.advance
    }
    const heap: Array<HeapRow> = []
    for (const name of heaps) {
      heap.push(...yield* weigh(name, heapSizes(args), args.quick ? 1 : 5, longLimitsOf(args), progress.now))
      yield* progress.advance
    }
    return { results, heap }
  }).pipe(Effect.scoped)

const compare = (args: Arguments, ref: string) =>
  Effect.gen(function*() {
    const other = yield* build(ref)
    const { results } = yield* measureAll(args, other)
    const pairs = ours("Cenote").map(({ name }, index) => [name, ours(ref)[index]?.name ?? ""] as const)
    yield* Console.log(`Cenote in the working tree, beside ${ref} ("before"). Less is better.\n`)
    yield* Console.log(againstTable(results, pairs))
  }).pipe(Effect.scoped)

const failOf = (all: ReadonlyArray<Budget>) => {
  const lost = all.filter(isLost)
  return lost.length === 0
    ? Effect.void
    : new Slow({ message: `Missed tenfold:\n${lost.map(({ what }) => `- ${what}`).join("\n")}` })
}

const bench = (args: Arguments) =>
  Effect.gen(function*() {
    const at = new Date()
    const figures = yield* measureAll(args, undefined)
    const all = budgets(figures)
    yield* Console.log(casesText(figures, false))
    if (all.length > 0) yield* Console.log(`\n## Budgets\n\n${budgetTable(all)}`)
    if (!args.quick && args.case.length === 0 && args.young === undefined) {
      yield* write(figures, all, at, yield* head)
      yield* Console.log("\nWritten to docs/performance.md and docs/benchmarks/.")
    }
    if (args.quick) yield* failOf(all)
  })

const main = Effect.gen(function*() {
  const args = yield* parse(process.argv.slice(2))
  if (args.help) return yield* Console.log(usage)
  yield* args.against === undefined ? bench(args) : compare(args, args.against)
})

runMain(main)
