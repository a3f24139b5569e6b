/** What works behind PgBouncer: each row of the table in docs/pgbouncer.md, in both modes; and what it says to do instead. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as PgBouncer from "../support/pgbouncer.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { describeUnless } from "../support/where.js"
import { features } from "./pg-bouncer/features.js"
import { place } from "./pg-bouncer/place.js"

interface Row extends Record<PgBouncer.Mode, string> {}

/** The table, by its first column. */
const table = new Map(
  readFileSync(new URL("../../docs/pgbouncer.md", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    // There are other tables.
    .filter((cells) => cells.length === 4)
    .map(([name, session, transaction]) => [name!, { session, transaction } as Row] as const)
    .slice(1)
)

describeUnless(PgBouncer.missing, "PgBouncer", () => {
  layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("Behind PgBouncer", (it) => {
    it("there is exactly what the table names", () => {
      expect([...table.keys()]).toEqual(Object.keys(features))
    })

    for (const mode of ["session", "transaction"] as const) {
      for (const [name, feature] of Object.entries(features)) {
        it.scoped(`in ${mode} mode: ${name}`, () =>
          Effect.gen(function*() {
            const here = yield* place(yield* Postgres, mode)
            expect(yield* feature.what(here)).toBe(table.get(name)?.[mode])
            if (feature.instead !== undefined) expect(yield* feature.instead(here)).toBe(true)
          }))
      }
    }
  })
})
