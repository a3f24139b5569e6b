/**
 * The layer rules of oxlint.config.mjs, seen to refuse. Each case is one file with one planted line, laid out in a
 * temporary folder as the sources are; one run of the linter answers for all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const core = "packages/core/src"
const adapter = "packages/sql-adapter/src"

interface Case {
  readonly file: string
  readonly line: string
}

const value = (module: string) => `import * as planted from "${module}"\nexport const used = planted`
const type = (module: string) => `import type * as planted from "${module}"\nexport type Used = typeof planted`

/** One file per line, in a folder of `packages`. */
const plant = (folder: string, ...lines: ReadonlyArray<string>): ReadonlyArray<Case> =>
  lines.map((line, index) => ({ file: `${folder}/planted-${index}-${Math.abs(hash(line))}.ts`, line }))

const hash = (text: string): number => {
  let hash = 0
  for (const char of text) hash = (hash * 31 + char.charCodeAt(0)) | 0
  return hash
}

const gates = [
  "effect/Deferred",
  "effect/Queue",
  "effect/PubSub",
  "effect/RcRef",
  "effect/RcMap",
  "effect/SynchronizedRef",
  "effect/SubscriptionRef",
  "effect/Mailbox",
  "effect/FiberSet",
  "effect/FiberMap",
  "effect/FiberHandle",
  "effect/PartitionedSemaphore",
  "effect/RateLimiter",
  "effect/Pool"
]

const stm = ["effect/STM", "effect/TRef", "effect/TDeferred", "effect/TQueue", "effect/TSemaphore"]

const locks = ["makeSemaphore", "unsafeMakeSemaphore", "makeLatch", "unsafeMakeLatch"].map((name) =>
  `import * as Effect from "effect/Effect"\nexport const used = Effect.${name}`
)

const refused = {
  "model/ imports another folder": plant(
    `${core}/model`,
    value("../allocator/state.js"),
    value("../resource/Resource.js"),
    value("../request/core.js"),
    value("../PoolError.js"),
    value("../testing/FakeConnector.js")
  ),
  "allocator/ imports another folder than model/": plant(
    `${core}/allocator`,
    value("../request/core.js"),
    value("../resource/Resource.js"),
    value("../ConnectionPool.js"),
    value("../testing/FakeConnector.js")
  ),
  "resource/ imports another folder than model/": plant(
    `${core}/resource`,
    value("../allocator/Allocator.js"),
    value("../request/core.js"),
    value("../ConnectionPool.js"),
    value("../testing/FakeConnector.js")
  ),
  "http/ imports another folder than model/, or what runs on one platform only": plant(
    `${core}/http`,
    value("../allocator/Allocator.js"),
    value("../request/core.js"),
    value("../resource/Resource.js"),
    value("../ConnectionPool.js"),
    value("../testing/FakeConnector.js"),
    value("@effect/platform"),
    value("@effect/platform-node/NodeHttpServer"),
    value("node:http")
  ),
  "another folder than http/ knows of @effect/platform": [
    ...["", "/model", "/allocator", "/resource", "/request", "/testing"].flatMap((layer) =>
      plant(`${core}${layer}`, value("@effect/platform/HttpApp"), type("@effect/platform/HttpApp"))
    ),
    ...plant(core, value("./http/tag.js"), type("./http/tag.js"))
  ],
  "request/ imports a public module or the testing kit": plant(
    `${core}/request`,
    value("../ConnectionPool.js"),
    value("../testing/FakeConnector.js")
  ),
  "a public module imports allocator/, resource/ or the testing kit": plant(
    core,
    value("./allocator/Allocator.js"),
    type("./allocator/Allocator.js"),
    value("./resource/Resource.js"),
    value("./testing/index.js")
  ),
  "observe/ imports another folder than model/": plant(
    `${core}/observe`,
    value("../allocator/Allocator.js"),
    value("../resource/Resource.js"),
    value("../request/core.js"),
    value("../ConnectionPool.js"),
    value("../testing/FakeConnector.js")
  ),
  "testing/ imports allocator/, resource/ or request/": plant(
    `${core}/testing`,
    value("../allocator/Allocator.js"),
    value("../resource/Resource.js"),
    value("../request/core.js"),
    value("../observe/metrics.js")
  ),
  "a folder outside the list imports anything": [
    ...plant(`${core}/helpers`, value("effect/Effect"), value("../model/options.js")),
    ...plant(`${core}/request/deeper`, value("effect/Effect"))
  ],
  "another folder than allocator/ runs STM": [
    ...["model", "resource", "request", "observe", "http", "testing"].flatMap((layer) =>
      plant(`${core}/${layer}`, ...stm.map(value))
    ),
    ...plant(core, ...stm.map(value)),
    ...plant(adapter, ...stm.map(value))
  ],
  "a folder of core makes a fiber wait": [
    ...["model", "allocator", "resource", "request", "observe", "http"].flatMap((layer) =>
      plant(`${core}/${layer}`, ...gates.map(value), ...locks)
    ),
    ...plant(core, ...gates.map(value), ...locks),
    ...plant(adapter, ...gates.map(value), ...locks)
  ],
  "allocator/ reads the clock": plant(
    `${core}/allocator`,
    value("effect/Clock"),
    value("effect/Random"),
    "export const used = Date.now()"
  ),
  "a package imports a barrel": [
    ...["", "/model", "/allocator", "/resource", "/request", "/observe", "/http", "/testing"].flatMap((layer) =>
      plant(`${core}${layer}`, value("effect"), type("effect"), value("@cenote/core"))
    ),
    ...plant(`${core}/testing`, value("../index.js")),
    ...plant(core, value("./index.js")),
    ...plant(adapter, value("effect"), value("@cenote/core"), value("@cenote/core/testing"))
  ],
  "the forbidden import is written in another way": plant(
    `${core}/model`,
    `export * from "../allocator/state.js"`,
    `export { state } from "../allocator/state.js"`,
    `import "../allocator/state.js"`,
    `export const later = () => import("../allocator/state.js")`,
    `export type State = import("../allocator/state.js").State`,
    value("./../allocator/state.js"),
    value("./x/../../allocator/state.js")
  )
} satisfies Record<string, ReadonlyArray<Case>>

const permitted = {
  "each folder imports what the design lets it": [
    ...plant(`${core}/model`, value("./errors.js"), value("effect/Data"), value("effect/Schedule")),
    ...plant(`${core}/allocator`, value("./state.js"), value("../model/errors.js"), ...stm.map(value)),
    ...plant(`${core}/resource`, value("./Resource.js"), value("../model/errors.js"), value("effect/Clock")),
    ...plant(
      `${core}/request`,
      value("./core.js"),
      value("../allocator/Allocator.js"),
      value("../resource/Resource.js"),
      value("../model/errors.js")
    ),
    ...plant(`${core}/observe`, value("./series.js"), value("../model/pool.js"), value("effect/Metric")),
    ...plant(`${core}/http`, value("./tag.js"), value("../model/errors.js"), value("@effect/platform/HttpApp")),
    ...plant(
      core,
      value("./PoolError.js"),
      value("./request/core.js"),
      value("./observe/metrics.js"),
      value("./model/errors.js")
    ),
    ...plant(`${core}/testing`, value("../ConnectionPool.js"), value("../model/errors.js")),
    ...plant(adapter, value("@cenote/core/Connector"), value("pg"), value("effect/Effect"))
  ],
  "a name that starts like a transactional one": plant(
    `${core}/model`,
    value("effect/Tuple"),
    value("effect/Tracer"),
    value("effect/Types")
  ),
  "a public module imports types of STM": plant(core, ...stm.map(type)),
  "the gates of the testing kit": plant(`${core}/testing`, value("effect/Deferred"), ...locks),
  "the buffers of the event stream": [{ file: `${core}/request/events.ts`, line: value("effect/Queue") }]
} satisfies Record<string, ReadonlyArray<Case>>

interface Diagnostic {
  readonly code: string
  readonly filename: string
}

/** Rules that guard the layers. Other complaints about a planted file do not count. */
const guards = [
  "eslint(no-restricted-imports)",
  "eslint(no-restricted-properties)",
  "typescript(consistent-type-imports)",
  "import(no-cycle)"
]

const lint = (cwd: string) =>
  new Promise<ReadonlyArray<Diagnostic>>((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, "node_modules/oxlint/bin/oxlint"), "-c", "oxlint.config.mjs", "-f", "json", "packages"],
      { cwd, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        try {
          resolve((JSON.parse(stdout) as { readonly diagnostics: ReadonlyArray<Diagnostic> }).diagnostics)
        } catch {
          reject(new Error(`oxlint did not answer: ${stdout}${stderr}`, { cause: error }))
        }
      }
    )
  })

const cycle = [
  { file: `${core}/model/cycle-a.ts`, line: `import { b } from "./cycle-b.js"\nexport const a = () => b` },
  { file: `${core}/model/cycle-b.ts`, line: `import { a } from "./cycle-a.js"\nexport const b = () => a` }
]

const long = [{
  file: `${core}/model/long.ts`,
  line: Array.from({ length: 321 }, (_, line) => `export const line${line} = ${line}`).join("\n")
}]

describe("layers", () => {
  let folder: string
  let diagnostics: ReadonlyArray<Diagnostic>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cenote-layers-"))
    await cp(join(root, "oxlint.config.mjs"), join(folder, "oxlint.config.mjs"))
    const cases = [...Object.values(refused), ...Object.values(permitted), cycle, long].flat()
    for (const { file, line } of cases) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), `${line}\n`)
    }
    diagnostics = await lint(folder)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  const complaints = (file: string, rules: ReadonlyArray<string> = guards) =>
    diagnostics.filter((_) => _.filename === file && rules.includes(_.code)).map((_) => _.code)

  const saysNothing = (cases: ReadonlyArray<Case>, rules?: ReadonlyArray<string>) =>
    cases.filter(({ file }) => complaints(file, rules).length === 0)

  describe("lint refuses a file where", () => {
    for (const [name, cases] of Object.entries(refused)) {
      it(name, () => {
        expect(cases.length).toBeGreaterThan(0)
        expect(saysNothing(cases)).toEqual([])
      })
    }

    it("two modules import each other", () => {
      expect(saysNothing(cycle, ["import(no-cycle)"])).toEqual([])
    })

    it("there are more than 320 lines of code", () => {
      expect(saysNothing(long, ["eslint(max-lines)"])).toEqual([])
    })
  })

  describe("lint permits", () => {
    for (const [name, cases] of Object.entries(permitted)) {
      it(name, () => {
        expect(cases.length).toBeGreaterThan(0)
        expect(cases.flatMap(({ file, line }) => complaints(file).map((rule) => ({ file, line, rule })))).toEqual([])
      })
    }
  })

  it("no source of a package switches a rule off or names a lock outside the testing kit", async () => {
    for (const folder of [core, adapter]) {
      const files = (await readdir(join(root, folder), { recursive: true })).filter((file) => file.endsWith(".ts"))
      expect(files.length).toBeGreaterThan(0)
      for (const file of files) {
        const text = await readFile(join(root, folder, file), "utf8")
        expect(text, file).not.toMatch(/(?:oxlint|eslint)-disable/)
        if (!file.startsWith("testing")) expect(text, file).not.toMatch(/\b(?:unsafeM|m)ake(?:Semaphore|Latch)\b/)
      }
    }
  })
})
