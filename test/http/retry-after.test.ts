/** When a client may ask again, as a function of what the pool knows. */
import { describe, expect, it } from "@effect/vitest"
import type { Load } from "../../packages/core/src/http/retryAfter.js"
import { retryAfter } from "../../packages/core/src/http/retryAfter.js"

const load: Load = { maxSize: 10, waiting: 0, failedInARow: 0 }

describe("while connections are in use, a client may ask again", () => {
  it("when those before it have been served, at the rate that connections come back", () => {
    expect(retryAfter("Busy", { ...load, waiting: 99, returnRate: 20 })).toBe(5)
    expect(retryAfter("Busy", { ...load, waiting: 100, returnRate: 20 })).toBe(6)
  })

  it("when those before it have been served for a second each, while the rate is not known", () => {
    expect(retryAfter("Busy", { ...load, waiting: 29 })).toBe(3)
    expect(retryAfter("Busy", { ...load, waiting: 29, returnRate: 0 })).toBe(3)
    expect(retryAfter("Busy", { ...load, waiting: 30, returnRate: undefined })).toBe(4)
  })

  it("after a second at the soonest, and a minute at the latest", () => {
    expect(retryAfter("Busy", { ...load, returnRate: 10_000 })).toBe(1)
    expect(retryAfter("Busy", { ...load, waiting: 100_000, returnRate: 0.01 })).toBe(60)
  })
})

describe("while nothing can be opened, a client may ask again", () => {
  it("when the pool tries next: its back-off, which is 5 s at most", () => {
    const after = (failedInARow: number) => retryAfter("Down", { ...load, failedInARow })
    expect([0, 1, 4, 5, 6, 7, 100].map(after)).toEqual([1, 1, 1, 2, 4, 5, 5])
  })

  it("however many wait", () => {
    expect(retryAfter("Down", { ...load, waiting: 1_000, failedInARow: 1 })).toBe(1)
  })
})

it("when the pool is closed, a client may ask again as soon as another instance has taken over", () => {
  expect(retryAfter("Closed", load)).toBe(5)
})
