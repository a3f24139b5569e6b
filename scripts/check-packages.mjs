// Checks the packages as they would be published: packs them, then asks publint and attw, then imports every
// entry point from the packed files and sees that nothing else can be imported, then compiles a user's library against
// them, with declarations.
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"

const root = fileURLToPath(new URL("..", import.meta.url))
const packed = join(root, ".pack")
const bin = (name) => join(root, "node_modules/.bin", name)
const windows = process.platform === "win32"

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))

/** Runs a command, shows what it says, and ends the check where it fails. */
const run = (command, args, cwd = root) => {
  const { status } = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"], shell: windows })
  if (status !== 0) fail(`${basename(command)} failed`)
}

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

/** `exports` as published: the condition that leads to the sources is left out. */
const withoutSource = (exports) =>
  Object.fromEntries(
    Object.entries(exports).map(([path, target]) => {
      if (target === null || typeof target === "string") return [path, target]
      const { "@cenote/source": _, ...rest } = target
      return [path, rest]
    })
  )

const packages = ["core", "sql-adapter"].map((folder) => {
  const path = join(root, "packages", folder)
  const manifest = readJson(join(path, "package.json"))
  return {
    path,
    manifest,
    tarball: join(packed, `${folder}.tgz`),
    unpacked: join(packed, "node_modules", manifest.name)
  }
})

run(bin("tsc"), ["-b", ...packages.map(({ path }) => path)])
rmSync(packed, { recursive: true, force: true })
mkdirSync(packed)

for (const { manifest, path, tarball, unpacked } of packages) {
  if (!isDeepStrictEqual(manifest.publishConfig.exports, withoutSource(manifest.exports))) {
    fail(`${manifest.name}: publishConfig.exports must be exports without the condition @cenote/source`)
  }

  run("pnpm", ["pack", "--out", tarball], path)
  mkdirSync(unpacked, { recursive: true })
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", unpacked])

  const text = readFileSync(join(unpacked, "package.json"), "utf8")
  for (const word of ["@cenote/source", "workspace:", "catalog:"]) {
    if (text.includes(word)) fail(`${manifest.name}: the published package.json still has ${word}`)
  }

  run(bin("publint"), ["run", tarball, "--strict"])
  run(bin("attw"), [tarball, "--profile", "esm-only", "--quiet"])
}

// What the packages expect beside them.
for (const { manifest, path } of packages) {
  for (const name of Object.keys(manifest.peerDependencies)) {
    const link = join(packed, "node_modules", name)
    mkdirSync(dirname(link), { recursive: true })
    rmSync(link, { force: true })
    symlinkSync(join(path, "node_modules", name), link, "junction")
  }
}

const open = packages.flatMap(({ manifest }) =>
  Object.entries(manifest.exports)
    .filter(([path, target]) => target !== null && path !== "./package.json")
    .map(([path]) => `${manifest.name}${path.slice(1)}`)
)
const closed = [
  "@cenote/core/allocator/Allocator",
  "@cenote/core/dist/index.js",
  "@cenote/core/internal/anything",
  "@cenote/core/model/errors",
  "@cenote/core/src/index.ts",
  "@cenote/sql-adapter/dist/index.js",
  "@cenote/sql-adapter/internal/anything"
]

const program = `
  for (const path of ${JSON.stringify(open)}) await import(path)
  for (const path of ${JSON.stringify(closed)}) {
    const error = await import(path).then(() => undefined, (error) => error)
    if (error?.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw new Error(path + " can be imported", { cause: error })
  }
`
run(process.execPath, ["--input-type=module", "--eval", program], packed)
console.log(`Imported ${open.length} entry points of the packed packages; ${closed.length} inner paths are closed.`)

const consumer = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2022", "DOM"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    declaration: true,
    outDir: "consumer"
  },
  files: ["consumer.ts", "consumer-http.ts"]
}
for (const file of consumer.files) copyFileSync(join(root, "scripts", file), join(packed, file))
writeFileSync(join(packed, "tsconfig.json"), JSON.stringify(consumer))
writeFileSync(join(packed, "package.json"), JSON.stringify({ type: "module" }))
run(bin("tsc"), ["-p", "tsconfig.json"], packed)
console.log("A user's library compiles against the packed packages, with declarations.")
