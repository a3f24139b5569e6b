/** The table of docs/chaos.md. */
import * as Effect from "effect/Effect"
import { readFile, writeFile } from "node:fs/promises"
import type { Row } from "./report.js"
import { table } from "./report.js"

const page = new URL("../../docs/chaos.md", import.meta.url)
const marks = /<!-- chaos -->[^]*<!-- \/chaos -->/

/** Puts it between its marks. */
export const writeTable = (rows: ReadonlyArray<Row>, seed: number, minutes: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    const text = await readFile(page, "utf8")
    const content = `Seed ${seed}, ${minutes} minutes.\n\n${table(rows)}`
    await writeFile(page, text.replace(marks, () => `<!-- chaos -->\n${content}\n<!-- /chaos -->`))
  })
