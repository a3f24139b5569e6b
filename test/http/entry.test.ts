/** What an import loads. */
import { describe, expect, it } from "@effect/vitest"
import { build } from "esbuild"
import { fileURLToPath } from "node:url"

/** The files that an import of the module leads to, statically or not. */
const loadedBy = async (module: string): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    stdin: { contents: `import * as loaded from "${module}"; console.log(loaded)`, resolveDir: import.meta.dirname },
    absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
    bundle: true,
    // A file that is imported for nothing is loaded all the same.
    ignoreAnnotations: true,
    platform: "node",
    format: "esm",
    conditions: ["@cenote/source"],
    logLevel: "silent",
    metafile: true,
    write: false
  })
  return Object.keys(metafile.inputs)
}

const platform = (files: ReadonlyArray<string>) => files.filter((file) => file.includes("/@effect/platform/"))

describe("importing", () => {
  for (
    const module of ["@cenote/core", "@cenote/core/ConnectionPool", "@cenote/core/PoolError", "@cenote/core/testing"]
  ) {
    it(`${module} does not load @effect/platform`, async () => {
      const files = await loadedBy(module)
      expect(files.filter((file) => file.startsWith("packages/core/src/")).length).toBeGreaterThan(0)
      expect(platform(files)).toEqual([])
      expect(files.filter((file) => file.startsWith("packages/core/src/http/"))).toEqual([])
    })
  }

  it("@cenote/core/RequestConnection does, and nothing of one platform", async () => {
    const files = await loadedBy("@cenote/core/RequestConnection")
    expect(platform(files).length).toBeGreaterThan(0)
    expect(files.filter((file) => file.includes("platform-node"))).toEqual([])
  })
})
