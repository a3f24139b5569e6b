/** Pages of docs/ that have tables of runs in them. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import { root } from "../root.js"

export class NotWritten extends Data.TaggedError("NotWritten")<{ readonly message: string }> {}

const io = <A>(run: () => Promise<A>): Effect.Effect<A, NotWritten> =>
  Effect.tryPromise({ try: run, catch: (error) => new NotWritten({ message: String(error) }) })

const replaceRegion = (
  page: string,
  text: string,
  name: string,
  content: string
): Effect.Effect<string, NotWritten> => {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  return from < 0 || to < from
    ? new NotWritten({ message: `${page} must have the lines ${start} and ${end}: the tables go between them.` })
    : Effect.succeed(`${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`)
}

/** Puts each content between the marks of its name. */
export const writeRegions = (
  page: string,
  regions: Readonly<Record<string, string>>
): Effect.Effect<void, NotWritten> =>
  Effect.gen(function*() {
    const file = new URL(page, root)
    let text = yield* io(() => fs.readFile(file, "utf8"))
    for (const [name, content] of Object.entries(regions)) text = yield* replaceRegion(page, text, name, content)
    yield* io(() => fs.writeFile(file, text))
  })

/** Writes a file of docs/, whose folder may be missing. */
export const writeBeside = (path: string, content: string): Effect.Effect<void, NotWritten> =>
  io(async () => {
    const file = new URL(path, root)
    await fs.mkdir(new URL(".", file), { recursive: true })
    await fs.writeFile(file, content)
  })
