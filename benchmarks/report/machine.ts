/** Where it was measured, and what of. */
import { readFileSync } from "node:fs"
import * as os from "node:os"
import { root } from "../root.js"

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memory: string
  readonly system: string
  readonly node: string
}

export const machine = (): Machine => ({
  processor: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.cpus().length,
  memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
  system: `${os.type()} ${os.machine()}`,
  node: process.version
})

/** As they are installed. */
export const versions = (names: ReadonlyArray<string>): Record<string, string> =>
  Object.fromEntries(names.map((name) => {
    const manifest = readFileSync(new URL(`benchmarks/node_modules/${name}/package.json`, root), "utf8")
    return [name, (JSON.parse(manifest) as { readonly version: string }).version]
  }))

export const machineText = (on: Machine, at: Date, commit: string, versions: Record<string, string>): string =>
  `Measured on ${at.toISOString().slice(0, 10)}, at commit ${
    commit.slice(0, 12)
  }: ${on.processor}, ${on.cores} cores, ` +
  `${on.memory} of memory, ${on.system}, Node ${on.node}; ` +
  `${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}.`
