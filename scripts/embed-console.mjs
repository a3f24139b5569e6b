// Makes a module of the files of the pool console's page, and of uPlot, so that they come with the package to every runtime and bundler.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const core = join(root, "packages/core")
const uplot = dirname(createRequire(join(core, "package.json")).resolve("uplot/package.json"))
const { license, version } = JSON.parse(readFileSync(join(uplot, "package.json"), "utf8"))

const own = (name) => readFileSync(join(core, "browser", name), "utf8")
const theirs = (name) =>
  `/* uPlot ${version}, ${license}, https://github.com/leeoniya/uPlot */\n${
    readFileSync(join(uplot, "dist", name), "utf8")
  }`

const assets = {
  page: own("page.html"),
  style: own("console.css"),
  script: own("console.js"),
  uplot: theirs("uPlot.iife.min.js"),
  uplotStyle: theirs("uPlot.min.css")
}

const text = [
  "/** Made by scripts/embed-console.mjs of the files in packages/core/browser and of uPlot. */",
  ...Object.entries(assets).map(([name, content]) => `export const ${name}: string = ${JSON.stringify(content)}`),
  ""
].join("\n")

const target = join(core, "src/console/assets.ts")
// A build is made anew where a file has changed, so it is only written where it is another.
if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text)
