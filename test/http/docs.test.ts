/** The examples of docs/requests.md compile, each with what the first of them declares. */
import { expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

const run = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  new Promise<string>((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })

it("the examples of docs/requests.md compile", { timeout: 120_000 }, async () => {
  const text = await readFile(join(root, "docs/requests.md"), "utf8")
  const [first, ...others] = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!)
  expect(others.length).toBeGreaterThan(5)
  // Where the packages of a test are found.
  const folder = await mkdtemp(join(root, "test/.docs-"))
  try {
    await Promise.all(
      ["", ...others].map((code, index) =>
        writeFile(join(folder, `example${index}.ts`), `${first}\n${code}\nexport {}\n`)
      )
    )
    const config = {
      extends: "../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, incremental: false, tsBuildInfoFile: null },
      include: ["*.ts"],
      references: []
    }
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config))
    expect(await run(join(root, "node_modules/typescript/bin/tsc"), ["-p", "tsconfig.json"], folder)).toBe("")
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
