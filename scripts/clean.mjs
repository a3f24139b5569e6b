// Removes what the other scripts make, so that the next build starts from nothing.
import { rmSync } from "node:fs"
import { fileURLToPath } from "node:url"

const made = [
  ".pack",
  ".tsbuild",
  "benchmarks/dist",
  "coverage",
  "test/.results",
  ...["core", "sql-adapter"].flatMap((name) => [`packages/${name}/dist`, `packages/${name}/docs`])
]

for (const path of made) {
  rmSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), { recursive: true, force: true })
}
