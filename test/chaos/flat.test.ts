import { describe, expect, it } from "@effect/vitest"
import type { Sample } from "./flat.js"
import { growing, growth } from "./flat.js"
import type { Resources } from "./resources.js"

const calm: Resources = { heap: 40_000_000, files: 60, timers: 5, fibers: 12 }

const samples = (count: number, of: (index: number) => Partial<Resources>): ReadonlyArray<Sample> =>
  Array.from({ length: count }, (_, index) => ({ at: index * 60_000, connections: 10, ...calm, ...of(index) }))

describe("What is held at rest", () => {
  it("is flat where it goes up and down", () => {
    expect(growing(samples(30, (index) => ({ heap: calm.heap + (index % 3) * 1_000_000, files: 60 + index % 2 }))))
      .toEqual([])
  })

  it("may grow while the process warms up", () => {
    expect(growing(samples(30, (index) => index < 2 ? { heap: 20_000_000, fibers: 2 } : {}))).toEqual([])
  })

  it("grows where a file, a timer or a fiber is left behind now and then", () => {
    for (const what of ["files", "timers", "fibers"] as const) {
      expect(growing(samples(30, (index) => ({ [what]: calm[what] + Math.floor(index / 4) })))).toEqual([
        expect.stringContaining(`At rest, ${what} grew from ${calm[what] + 1} to ${calm[what] + 6}`)
      ])
    }
  })

  it("grows where the heap does, slowly", () => {
    expect(growing(samples(60, (index) => ({ heap: calm.heap + index * 150_000 })))).toHaveLength(1)
  })

  it("is not known of a short run", () => {
    const few = samples(7, (index) => ({ timers: index * 100 }))
    expect(growth("timers", few)).toBeUndefined()
    expect(growing(few)).toEqual([])
  })
})
