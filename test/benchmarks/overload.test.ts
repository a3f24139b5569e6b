import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parse } from "../../benchmarks/overload/arguments.js"
import { arrivals, windows } from "../../benchmarks/overload/arrivals.js"
import { isRefusal } from "../../benchmarks/overload/contenders.js"
import type { Figures } from "../../benchmarks/overload/outcomes.js"
import { bySecond, figures, Outcomes, wellAfter } from "../../benchmarks/overload/outcomes.js"
import { floodOf, full, lengthOf, stepOf } from "../../benchmarks/overload/plan.js"

describe("The arrivals of an overload", () => {
  const stretches = [{ load: 0.5, seconds: 10 }, { load: 10, seconds: 20 }, { load: 0.5, seconds: 10 }]
  const all = arrivals(stretches, 100, 1)
  const gapsIn = ({ from, to }: { readonly from: number; readonly to: number }) => {
    const times = [...all].filter((at) => at >= from && at < to)
    return times.slice(1).map((at, index) => at - times[index]!)
  }

  it("are the same for the same seed, and others for another", () => {
    expect(arrivals(stretches, 100, 1)).toEqual(all)
    expect(arrivals(stretches, 100, 2)).not.toEqual(all)
  })

  it("are in order, and none is after the end", () => {
    expect([...all]).toEqual([...all].sort((one, other) => one - other))
    expect(all.at(-1)).toBeLessThan(40_000)
  })

  it("are as many in each stretch as its load says", () => {
    const counts = windows(stretches).map(({ from, to }) => all.filter((at) => at >= from && at < to).length)
    for (const [index, wanted] of [500, 20_000, 500].entries()) {
      // Four standard deviations.
      expect(Math.abs(counts[index]! - wanted)).toBeLessThan(4 * Math.sqrt(wanted))
    }
  })

  it("do not know of each other: gaps vary by as much as they are long", () => {
    const gaps = gapsIn({ from: 10_000, to: 30_000 })
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect(deviation / mean).toBeCloseTo(1, 1)
  })
})

describe("The outcomes of an overload", () => {
  const patience = 1_000

  it("are judged by when a request came: an answer after its patience is none", () => {
    const outcomes = new Outcomes(Float64Array.of(0, 100), patience)
    outcomes.end(0, 999, "Answered")
    outcomes.end(1, 1_100, "Answered")
    expect([...outcomes.endedIn({ from: 0, to: 5_000 })]).toEqual([
      { end: "Answered", took: 999 },
      { end: "Left", took: patience }
    ])
  })

  it("are the first that became of a request", () => {
    const outcomes = new Outcomes(Float64Array.of(0), patience)
    expect(outcomes.hasEnded(0)).toBe(false)
    outcomes.end(0, 50, "Refused")
    outcomes.end(0, 60, "Answered")
    expect(outcomes.hasEnded(0)).toBe(true)
    expect([...outcomes.endedIn({ from: 0, to: 5_000 })]).toEqual([{ end: "Refused", took: 50 }])
  })

  it("count in the time in which they are, though the request came before", () => {
    const outcomes = new Outcomes(Float64Array.of(900, 1_900), patience)
    outcomes.end(0, 1_000, "Answered")
    outcomes.end(1, 2_000, "Answered")
    expect(figures(outcomes, { from: 1_000, to: 2_000 })).toMatchObject({ goodput: 1, p50: 100 })
  })

  it("are so many a second, and percentiles of those that were answered", () => {
    const outcomes = new Outcomes(Float64Array.from({ length: 204 }, () => 0), patience)
    for (let request = 0; request < 200; request++) outcomes.end(request, request + 1, "Answered")
    outcomes.end(200, 500, "Refused")
    outcomes.end(201, 500, "Refused")
    outcomes.end(202, 500, "Failed")
    outcomes.end(203, 1_200, "Left")
    expect(figures(outcomes, { from: 0, to: 2_000 })).toEqual({
      goodput: 100,
      refused: 1,
      failed: 0.5,
      left: 0.5,
      p50: 100.5,
      p99: 198.01
    })
  })

  it("have no percentiles where nobody was answered", () => {
    const outcomes = new Outcomes(Float64Array.of(0), patience)
    expect(figures(outcomes, { from: 0, to: 1_000 })).toEqual({ goodput: 0, refused: 0, failed: 0, left: 0 })
  })

  it("are told second by second, without one that is not whole", () => {
    const outcomes = new Outcomes(Float64Array.of(0, 1_000, 1_100, 2_000), patience)
    for (const [request, at] of [10, 1_010, 1_110, 2_010].entries()) outcomes.end(request, at, "Answered")
    expect(bySecond(outcomes, { from: 0, to: 2_500 }).map(({ goodput }) => goodput)).toEqual([1, 2])
  })
})

describe("All is well after an overload", () => {
  const calm: Figures = { goodput: 100, refused: 0, failed: 0, left: 0, p50: 50, p99: 60 }
  const slow = { ...calm, p99: 121 }
  const refusing = { ...calm, refused: 2 }

  it("in the first of three seconds that are like calm ones", () => {
    expect(wellAfter(calm, [slow, refusing, calm, calm, calm])).toBe(2)
    expect(wellAfter(calm, [slow, calm, slow, calm, calm, calm])).toBe(3)
    expect(wellAfter(calm, [calm, calm, calm])).toBe(0)
  })

  it("unless nobody has seen it for as long, or nobody is answered", () => {
    expect(wellAfter(calm, [slow, calm, calm])).toBeUndefined()
    const nobody: Figures = { goodput: 0, refused: 0, failed: 0, left: 0 }
    expect(wellAfter(calm, [nobody, nobody, nobody])).toBeUndefined()
  })
})

describe("The plan of an overload", () => {
  it("lasts for as long as it says, and judges a step when its queue has filled", () => {
    const plan = full(100)
    const step = stepOf(plan, 5)
    expect(step.windows).toEqual([{ from: 2_000, to: 6_000 }])
    expect(lengthOf(step)).toBe(6)
  })

  it("judges the calm and the whole of the long overload, its beginning included, and its second half", () => {
    const flood = floodOf(full(100))
    expect(flood.windows).toEqual([{ from: 0, to: 4_000 }, { from: 4_000, to: 104_000 }, { from: 54_000, to: 104_000 }])
    expect(lengthOf(flood)).toBe(119)
  })
})

describe("A refusal", () => {
  it("is what a pool says, also where a client has wrapped it", () => {
    expect(isRefusal({ _tag: "PoolRefused" })).toBe(true)
    expect(isRefusal({ _tag: "SqlError", cause: { _tag: "AcquireTimeout" } })).toBe(true)
    expect(isRefusal(new Error("timeout exceeded when trying to connect"))).toBe(true)
    expect(isRefusal(new Error("terminating connection"))).toBe(false)
    expect(isRefusal(undefined)).toBe(false)
  })
})

describe("Arguments of the overload", () => {
  it.effect("that cannot be used are answered with what can", () =>
    Effect.gen(function*() {
      expect(yield* parse(["--", "--seconds", "120", "--docs"])).toMatchObject({
        seconds: 120,
        docs: true,
        quick: false
      })
      const { message } = yield* Effect.flip(parse(["--seconds", "ten"]))
      expect(message).toContain("--seconds: must be a whole number from 2 to 3600")
      expect((yield* Effect.flip(parse(["--fast"]))).message).toContain("Unknown option '--fast'")
    }))
})
