/**
 * The simulation as one file for worker threads: the core's sources and everything on them, Effect left outside. A mutant is the
 * same with one text of one file of the core replaced.
 */
import { build } from "esbuild"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Mutant } from "./mutants/mutant.js"

const here = new URL(".", import.meta.url)
const core = fileURLToPath(new URL("../../packages/core/src/", here))
const out = (name: string) => fileURLToPath(new URL(`../.results/simulation/${name}.mjs`, here))

/** The mutated text of its file. */
const mutate = async ({ file, find, name, replace }: Mutant): Promise<string> => {
  const parts = (await readFile(core + file, "utf8")).split(find)
  if (parts.length === 2) return parts.join(replace)
  throw new Error(
    `Mutant "${name}" no longer applies: ${file} has its text ${parts.length - 1} times instead of once.\n\n${find}`
  )
}

/** What is wrong with mutants whose text is not in its file, or there more than once. */
export const rotten = async (mutants: ReadonlyArray<Mutant>): Promise<ReadonlyArray<string>> => {
  const results = await Promise.allSettled(mutants.map(mutate))
  return results.flatMap((result) => result.status === "rejected" ? [(result.reason as Error).message] : [])
}

/** Builds it, and answers where it is. */
export const bundle = async (mutant?: Mutant): Promise<string> => {
  const mutated = mutant === undefined ? "" : await mutate(mutant)
  const outfile = out(mutant === undefined ? "core" : mutant.name.replaceAll(/\W+/g, "-"))
  await build({
    entryPoints: [fileURLToPath(new URL("worker.ts", here))],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@cenote/source"],
    external: ["effect", "effect/*"],
    logLevel: "error",
    plugins: mutant === undefined ? [] : [{
      name: "mutant",
      setup: ({ onLoad }) => {
        onLoad(
          { filter: /\.ts$/ },
          ({ path }) => path === core + mutant.file ? { contents: mutated, loader: "ts" } : null
        )
      }
    }]
  })
  return outfile
}
