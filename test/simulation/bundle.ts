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

/** A mutant whose text is not in its file, or there more than once. */
export class DoesNotApply extends Error {
  constructor({ file, find, name }: Mutant, times: number) {
    super(`Mutant "${name}" no longer applies: ${file} has its text ${times} times instead of once.\n\n${find}\n`)
  }
}

/** The mutated text of its file. */
export const mutate = (mutant: Mutant, text: string): string => {
  const parts = text.split(mutant.find)
  if (parts.length !== 2) throw new DoesNotApply(mutant, parts.length - 1)
  return parts.join(mutant.replace)
}

export const sourceOf = (mutant: Mutant): Promise<string> => readFile(core + mutant.file, "utf8")

/** Builds it, and answers where it is. */
export const bundle = async (mutant?: Mutant): Promise<string> => {
  const mutated = mutant === undefined ? "" : mutate(mutant, await sourceOf(mutant))
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
        onLoad({ filter: /\.ts$/ }, ({ path }) => path === core + mutant.file ? { contents: mutated, loader: "ts" } : null)
      }
    }]
  })
  return outfile
}
