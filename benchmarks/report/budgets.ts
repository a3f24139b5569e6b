/** The budgets: what was measured beside what is allowed. All are ratios, or bytes. */
import { bareFibers, noPool } from "../contenders/controls.js"
import * as Sql from "../contenders/sql.js"
import type { HeapRow } from "../measure/measure.js"
import type { Measure, Result } from "../model.js"
import type { Estimate, Missing, Place } from "./statistics.js"
import { paired } from "./statistics.js"

export interface Figures {
  readonly results: ReadonlyArray<Result>
  readonly heap: ReadonlyArray<HeapRow>
}

export interface Budget {
  readonly what: string
  readonly bound: { readonly _tag: "AtMost" | "AtLeast"; readonly value: number }
  readonly unit: "×" | "B" | ""
  readonly measured: Estimate | Missing
}

const use = "Cenote `use`"
const scoped = "Cenote `scoped(get)`"

const isOurs = ({ contender }: Missing): boolean => contender.startsWith("Cenote")

const within = ({ _tag, value }: Budget["bound"], measured: number): boolean =>
  _tag === "AtMost" ? measured <= value : measured >= value

/** Where somebody else could not do the work, Cenote has met it. */
export const isMet = ({ bound, measured }: Budget): boolean =>
  measured._tag === "Missing" ? !isOurs(measured) : within(bound, measured.value)

/** Whether the whole interval is on one side. */
export const isClear = ({ bound, measured }: Budget): boolean =>
  measured._tag === "Missing" || within(bound, measured.low) === within(bound, measured.high)

/** Whether it is missed by what no noise explains: all of the spread tenfold, or because Cenote could not do the work. */
export const isLost = ({ bound, measured }: Budget): boolean => {
  if (measured._tag === "Missing") return isOurs(measured)
  return bound._tag === "AtMost" ? measured.low > bound.value * 10 : measured.high < bound.value / 10
}

const effectPool = "Effect's Pool"
const floor = "floor: `acquireUseRelease` of two commits"
const unobserved = "Cenote `use`, events no longer observed"
/** The pools of promises. */
export const libraries = ["generic-pool", "tarn", "pg-pool", "lightning-pool", "sequelize-pool"]

const fromEffect = (library: string) => `${library}, from Effect`

/** Whom a budget compares Cenote with, besides those who have no pool. */
export const judged: ReadonlyArray<string> = [effectPool, floor, unobserved, ...libraries.map(fromEffect)]

const atMost = (value: number) => ({ _tag: "AtMost", value }) as const
const atLeast = (value: number) => ({ _tag: "AtLeast", value }) as const

const place = (work: string, size: number, contender: string, measure: Measure = "wall"): Place => ({
  case: work,
  size,
  contender,
  measure
})

type Measured = Estimate | Missing | undefined

/** How many times as long `slow` takes as `fast`. */
const ratio = ({ results }: Figures, work: string, size: number, slow: string, fast: string): Measured =>
  paired(results, [place(work, size, slow), place(work, size, fast)], (slow = NaN, fast = NaN) => slow / fast)

/** How many times the time an operation of the larger size takes, less what it takes without a pool. */
const growth = (
  { results }: Figures,
  work: string,
  [small, large]: readonly [number, number],
  control: string,
  measure?: Measure
): Measured =>
  paired(results, [
    place(work, large, use, measure),
    place(work, large, control, measure),
    place(work, small, use, measure),
    place(work, small, control, measure)
  ], (large = NaN, largeControl = NaN, small = NaN, smallControl = NaN) =>
    (large - largeControl) / (small - smallControl))

const number = new Intl.NumberFormat("en")

/** The size at which the library comes closest. */
const closest = (figures: Figures, name: string): { readonly size: number; readonly measured: Measured } =>
  [64, 256, 1000, 10_000]
    .map((size) => ({ size, measured: ratio(figures, "fibers-yield", size, name, use) }))
    .filter(({ measured }) => measured !== undefined)
    .reduce<{ size: number; measured: Measured }>(
      (least, next) => valueOf(next.measured) < valueOf(least.measured) ? next : least,
      { size: 0, measured: undefined }
    )

const valueOf = (measured: Measured): number => measured?._tag === "Estimate" ? measured.value : Infinity

/** 10 × the work takes at most so many times the time: a straight line, and a processor whose caches are too small. */
const straight = 13

const lines = [
  { work: "waiters", of: "waiters served", control: bareFibers, pairs: [[1000, 10_000], [10_000, 100_000]] },
  { work: "waiters-cancelled", of: "waiters cancelled", control: bareFibers, pairs: [[1000, 10_000]] },
  { work: "waiters-expired", of: "waiters expired", control: bareFibers, pairs: [[1000, 10_000]], measure: "cpu" },
  { work: "fibers-yield", of: "fibers over 10 connections", control: noPool, pairs: [[1000, 10_000]] },
  { work: "max-size", of: "connections in use", control: noPool, pairs: [[10, 100], [100, 1000], [1000, 10_000]] }
] as const

export const budgets = (figures: Figures): ReadonlyArray<Budget> => {
  const all: Array<Omit<Budget, "measured"> & { readonly measured: Measured }> = [
    {
      what: "`use`, uncontended, beside `acquireUseRelease` of two commits",
      bound: atMost(1.15),
      unit: "×",
      measured: ratio(figures, "uncontended", 1, use, floor)
    },
    {
      what: "`use`, uncontended: how much faster than Effect's `scoped(pool.get)`",
      bound: atLeast(3),
      unit: "×",
      measured: ratio(figures, "uncontended", 1, effectPool, use)
    },
    {
      what: "`scoped(pool.get)`, uncontended: how much faster than Effect's",
      bound: atLeast(1),
      unit: "×",
      measured: ratio(figures, "uncontended", 1, effectPool, scoped)
    },
    ...libraries.flatMap((library) => {
      const name = fromEffect(library)
      const { measured, size } = closest(figures, name)
      return [
        {
          what: `\`use\`, uncontended: how much faster than ${name}`,
          bound: atLeast(1),
          unit: "×",
          measured: ratio(figures, "uncontended", 1, name, use)
        },
        {
          what: `\`use\`, contended: how much faster than ${name}, where it is closest (${number.format(size)} fibers)`,
          bound: atLeast(1),
          unit: "×",
          measured
        }
      ] as const
    }),
    {
      what: "1,000 fibers over 10 connections that yield: throughput beside Effect's Pool",
      bound: atLeast(3),
      unit: "×",
      measured: ratio(figures, "fibers-yield", 1000, effectPool, use)
    },
    {
      what: "1,000 fibers over 10 connections that wait for a timer: throughput beside Effect's Pool",
      bound: atLeast(3),
      unit: "×",
      measured: ratio(figures, "fibers-timer", 1000, effectPool, use)
    },
    {
      what: "100,000 waiters beside 1,000: time a waiter, less bare fibers",
      bound: atMost(1.5),
      unit: "×",
      measured: growth(figures, "waiters", [1000, 100_000], bareFibers)
    },
    ...lines.flatMap(({ control, of, pairs, work, ...more }) =>
      pairs.map(([small, large]) => ({
        what: `${number.format(large)} ${of}: time beside ${number.format(small)}, less ${
          control === noPool ? "no pool" : "bare fibers"
        }`,
        bound: atMost(straight),
        unit: "×" as const,
        measured: times10(growth(figures, work, [small, large], control, "measure" in more ? more.measure : undefined))
      }))
    ),
    ...[10, 100, 1000].map((size) => ({
      what: `One query by \`pool.use\`, ${number.format(size)} fibers: throughput beside pg.Pool`,
      bound: atLeast(0.85),
      unit: "×" as const,
      measured: ratio(figures, "sql", size, Sql.pgPool, Sql.pooled)
    })),
    ...([["One query by `pool.use`", Sql.pooledPipelined], ["One `sql` statement", Sql.pipelined]] as const).map((
      [what, contender]
    ) => ({
      what: `${what}, pipelined, 1,000 fibers: throughput beside pg.Pool`,
      bound: atLeast(1),
      unit: "×" as const,
      measured: ratio(figures, "sql", 1000, Sql.pgPool, contender)
    })),
    ...([[10, 1.5], [1000, 3]] as const).map(([size, value]) => ({
      what: `One \`sql\` statement, ${number.format(size)} fibers: throughput beside @effect/sql-pg`,
      bound: atLeast(value),
      unit: "×" as const,
      measured: ratio(figures, "sql", size, Sql.theirs, Sql.statement)
    })),
    ...figures.heap.filter(({ contender }) => contender === use).map(({ outcome, size }) => ({
      what: `Heap of a waiter besides its fiber, ${number.format(size)} waiting`,
      bound: atMost(2048),
      unit: "B" as const,
      measured: outcome._tag === "Weighed" ? exactly(outcome.heap.bytes - outcome.heap.bare) : missing(outcome.why)
    })),
    ...figures.heap.filter(({ contender, size }) => contender === use && size === 10_000).map(({ outcome }) => ({
      what: "Timers while 10,000 wait with a deadline",
      bound: atMost(2),
      unit: "" as const,
      measured: outcome._tag === "Weighed" ? exactly(outcome.heap.timers) : missing(outcome.why)
    })),
    {
      what: "`use` with events that had a subscriber and have none, beside none ever",
      bound: atMost(1.03),
      unit: "×",
      measured: ratio(figures, "uncontended", 1, unobserved, use)
    }
  ]
  return all.filter((budget): budget is Budget => budget.measured !== undefined)
}

const exactly = (value: number): Estimate => ({
  _tag: "Estimate",
  value,
  low: value,
  high: value,
  undisturbed: value
})

const missing = (why: string): Missing => ({ _tag: "Missing", contender: use, why })

const times10 = (measured: Measured): Measured =>
  measured?._tag === "Estimate"
    ? {
      ...measured,
      value: measured.value * 10,
      low: measured.low * 10,
      high: measured.high * 10,
      undisturbed: measured.undisturbed * 10
    }
    : measured
