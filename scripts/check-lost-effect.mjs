// Proves that the compiler refuses a lost Effect: compiles one, and fails unless the compiler does.
// Without it, a compiler that `prepare` did not patch would pass every source in silence.
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
// Inside a package, so that `effect` is found as its sources find it.
const folder = join(root, "packages/core/.planted")

const planted = `import * as Effect from "effect/Effect"

export const lost = () => {
  Effect.log("nobody runs this")
}
`

const project = {
  extends: "../../../tsconfig.base.json",
  compilerOptions: { composite: false, incremental: false, noEmit: true },
  files: ["lost.ts"]
}

mkdirSync(folder, { recursive: true })
try {
  writeFileSync(join(folder, "lost.ts"), planted)
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project))
  const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8"
  })
  const refused = tsc.status !== 0 && /lost\.ts\(4,3\): error .*floatingEffect/.test(tsc.stdout)
  if (!refused) {
    console.error(`${tsc.stdout}${tsc.stderr}`)
    console.error("The compiler let a lost Effect pass. Run `pnpm run prepare`, which patches it.")
    process.exitCode = 1
  } else {
    console.log("The compiler refuses a lost Effect.")
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
