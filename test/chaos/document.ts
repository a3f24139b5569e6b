/** The tables of docs/chaos.md. */
import * as Effect from "effect/Effect"
import { markdownTable } from "markdown-table"
import { readFile, writeFile } from "node:fs/promises"
import type { Database } from "./databases/database.js"
import { faults } from "./faults/index.js"
import type { Row } from "./report.js"
import { table } from "./report.js"

const page = new URL("../../docs/chaos.md", import.meta.url)

const between = (mark: string, content: string, text: string): string =>
  text.replace(
    new RegExp(`<!-- ${mark} -->[^]*<!-- /${mark} -->`),
    () => `<!-- ${mark} -->\n${content}\n<!-- /${mark} -->`
  )

const whatIsDone = markdownTable([["fault", "what happens"], ...faults.map(({ name, what }) => [`\`${name}\``, what])])

type Kind = Database["name"]

const marks: Readonly<Record<Kind, string>> = { postgres: "outcomes", mariadb: "outcomes of mariadb" }

const ofKind: Readonly<Record<Kind, string>> = { postgres: "", mariadb: "--database mariadb " }

/** Puts them between their marks. */
export const writeTables = (
  kind: Kind,
  rows: ReadonlyArray<Row>,
  seed: number,
  minutes: number
): Effect.Effect<void> =>
  Effect.promise(async () => {
    const text = await readFile(page, "utf8")
    const outcomes = `\`pnpm chaos ${ofKind[kind]}--minutes ${minutes} --seed ${seed}\`:\n\n${table(rows)}`
    await writeFile(page, between(marks[kind], outcomes, between("faults", whatIsDone, text)))
  })
