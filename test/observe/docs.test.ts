/** What the documents name is what there is. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { readFileSync } from "node:fs"

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

/** The tags of a tagged union, as its file declares it. */
const tagsIn = (path: string, type: string): ReadonlyArray<string> => {
  const text = read(path)
  const declaration = text.slice(
    text.indexOf(`export type ${type} = Data.TaggedEnum<{`),
    text.indexOf("}>", text.indexOf(`export type ${type} =`))
  )
  return [...declaration.matchAll(/^ {2}(\w+): \{/gm)].map(([, tag]) => tag!)
}

const observability = read("docs/observability.md")

const missing = (names: ReadonlyArray<string>, text: string): ReadonlyArray<string> =>
  names.filter((name) => !text.includes(`\`${name}\``))

it("every event is explained", () => {
  const tags = tagsIn("packages/core/src/model/events.ts", "PoolEvent")
  expect(tags.length).toBeGreaterThan(20)
  expect(missing(tags, observability)).toEqual([])
})

it("every reason of health is explained", () => {
  const tags = tagsIn("packages/core/src/model/health.ts", "HealthReason")
  expect(tags).toContain("Saturated")
  expect(missing(tags, observability)).toEqual([])
})

it.scoped("every metric is explained, and in the module's own documentation, too", () =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name: "documented" })
    yield* PoolMetrics.register(pool)
    const names = (yield* Metric.snapshot).flatMap(({ metricKey: { name, tags } }) =>
      tags.some(({ value }) => value === "documented") ? [name] : []
    )
    expect(new Set(names).size).toBe(13)
    expect(missing(names, observability)).toEqual([])
    const short = names.map((name) => name.replace(/^db\.client\.connection(\.idle)?\.|^cenote\.pool\./, ""))
    const text = read("packages/core/src/PoolMetrics.ts")
    expect(short.filter((name) => !text.includes(`${name}\``))).toEqual([])
    expect(observability).toContain(`**${PoolMetrics.conventions}**`)
  }))

it("the code in the document about testing is that of the example", () => {
  const example = ["orders.ts", "orders.test.ts"].map((file) => read(`examples/testing/${file}`)).join("\n")
  const lines = new Set(example.split("\n").map((line) => line.trim()))
  const blocks = [...read("docs/testing.md").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block!)
  expect(blocks.length).toBeGreaterThan(3)
  const strange = blocks.flatMap((block) => block.split("\n")).filter((line) => !lines.has(line.trim()))
  expect(strange).toEqual([])
})
