/** The tables of docs/chaos.md, and the drawing of a long run. */
import * as Effect from "effect/Effect"
import { markdownTable } from "markdown-table"
import { readFile, writeFile } from "node:fs/promises"
import { between } from "../support/page.js"
import type { Database } from "./databases/database.js"
import type { Fault } from "./faults/fault.js"
import { faultsOfPgBouncer, faultsOfServers } from "./faults/index.js"
import type { Sample } from "./flat.js"
import { growth, kinds } from "./flat.js"
import { plot } from "./plot.js"
import type { Row } from "./report.js"
import { table } from "./report.js"
import type { Resources } from "./resources.js"

const docs = new URL("../../docs/", import.meta.url)

/** The page, what its marks and the drawing end with, and the faults that it lists. */
interface Place {
  readonly page: string
  readonly suffix: string
  readonly faults: ReadonlyArray<Fault>
}

const chaos = { page: "chaos.md", faults: faultsOfServers }
const pgbouncer = { page: "pgbouncer.md", faults: faultsOfPgBouncer }

const places: Readonly<Record<Database["name"], Place>> = {
  postgres: { ...chaos, suffix: "" },
  mariadb: { ...chaos, suffix: "-mariadb" },
  "pgbouncer-session": { ...pgbouncer, suffix: "-session" },
  "pgbouncer-transaction": { ...pgbouncer, suffix: "-transaction" }
}

/** A run in which every promise was kept. */
export interface Documented {
  readonly database: Database["name"]
  readonly command: string
  readonly minutes: number
  readonly rows: ReadonlyArray<Row>
  readonly samples: ReadonlyArray<Sample>
}

const whatIsDone = (faults: ReadonlyArray<Fault>): string =>
  markdownTable([["fault", "what happens"], ...faults.map(({ name, what }) => [`\`${name}\``, what])])

const written = (what: keyof Resources, value: number): string =>
  what === "heap" ? `${(value / 1e6).toFixed(1)} MB` : String(value)

/** Undefined where the run was too short to say. */
const whatIsHeld = (samples: ReadonlyArray<Sample>): string | undefined => {
  const lines = kinds.flatMap((what) => {
    const found = growth(what, samples)
    if (found === undefined) return []
    const most = Math.max(...samples.map((sample) => sample[what]))
    return [[what, ...[found.before, found.after, most].map((value) => written(what, value))]]
  })
  return lines.length === 0
    ? undefined
    : markdownTable([["at rest", "first third (median)", "last third (median)", "most"], ...lines], {
      align: ["l", "r", "r", "r"]
    })
}

/** Puts them between their marks, where the page has them. */
export const writeTables = ({ command, database, minutes, rows, samples }: Documented): Effect.Effect<void> =>
  Effect.promise(async () => {
    const { faults, page: name, suffix } = places[database]
    const page = new URL(name, docs)
    const text = await readFile(page, "utf8")
    const held = whatIsHeld(samples)
    const tables = [
      between("faults", whatIsDone(faults)),
      between(`outcomes${suffix}`, `\`${command}\`:\n\n${table(rows)}`),
      ...held === undefined ? [] : [between(`held${suffix}`, `\`${command}\`, ${samples.length} samples:\n\n${held}`)]
    ]
    await writeFile(page, tables.reduce((text, put) => put(text), text))
    if (held !== undefined && text.includes(`(long-run${suffix}.svg)`)) {
      await writeFile(new URL(`long-run${suffix}.svg`, docs), plot(samples, minutes))
    }
  })
