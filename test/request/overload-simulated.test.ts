/** A minute of twice the load that the pool can serve, in virtual time: what docs/overload-virtual.svg shows. */
import { describe, expect, it } from "vitest"
import type { Call } from "../../benchmarks/overload-virtual/simulate.js"
import { simulate, timeout } from "../../benchmarks/overload-virtual/simulate.js"

const minute = [{ load: 2, seconds: 60 }]

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

const waitsOf = (calls: ReadonlyArray<Call>, end: Call["end"]): ReadonlyArray<number> =>
  calls.filter((call) => call.end === end).map(({ waited }) => waited)

/** Those that asked when the overload had lasted for longer than a caller waits. */
const later = (calls: ReadonlyArray<Call>): ReadonlyArray<Call> => calls.filter(({ at }) => at > 2 * timeout)

describe("a minute of twice the load", () => {
  const without = simulate({ overload: false }, minute)
  const controlled = simulate({ overload: { target: "50 millis", interval: "1 second" } }, minute)

  it("asks for the same in both", () => {
    expect(without.length).toBeGreaterThan(23_000)
    expect(controlled.length).toBe(without.length)
  })

  it("without overload control makes those who are served wait for as long as anybody may", () => {
    expect(median(waitsOf(later(without), "Served"))).toBeGreaterThan(0.95 * timeout)
    expect(waitsOf(later(without), "TimedOut").length).toBeGreaterThan(0.4 * later(without).length)
    expect(waitsOf(without, "Refused")).toEqual([])
  })

  it("with it, those who are served wait about the target", () => {
    expect(median(waitsOf(controlled, "Served"))).toBeGreaterThan(25)
    expect(median(waitsOf(controlled, "Served"))).toBeLessThanOrEqual(60)
  })

  it("with it, 99 of 100 who are served wait for the target at most, from the first interval on", () => {
    const waits = waitsOf(controlled.filter(({ at }) => at > 2_000), "Served")
    expect(waits.filter((wait) => wait > 50).length).toBeLessThan(0.01 * waits.length)
    // But for the last that waits, whom nobody refuses.
    expect(Math.max(...waits)).toBeLessThan(100)
  })

  it("with it, nobody times out, and who is refused knows it in about a second", () => {
    expect(waitsOf(controlled, "TimedOut")).toEqual([])
    expect(median(waitsOf(controlled, "Refused"))).toBeLessThan(100)
    expect(Math.max(...waitsOf(controlled, "Refused"))).toBeLessThan(1_100)
  })

  it("serves as many with it as without", () => {
    const inTime = (calls: ReadonlyArray<Call>) =>
      waitsOf(calls.filter(({ at, waited }) => at + waited <= 60_000), "Served").length
    expect(inTime(controlled)).toBeGreaterThan(0.98 * inTime(without))
    // No connection idles while anybody waits: 200 a second for a minute.
    expect(inTime(controlled)).toBeGreaterThan(0.95 * 200 * 60)
  })
})

describe("a pool that is not overloaded", () => {
  it("refuses nobody, though it is asked for three quarters of what it can serve", () => {
    const calls = simulate({ overload: true }, [{ load: 0.75, seconds: 60 }])
    expect(waitsOf(calls, "Refused")).toEqual([])
  })

  it("refuses nobody as soon as the load has gone", () => {
    const calls = simulate({ overload: true }, [{ load: 2, seconds: 10 }, { load: 0.5, seconds: 20 }])
    expect(waitsOf(calls.filter(({ at }) => at > 12_000), "Refused")).toEqual([])
  })
})
