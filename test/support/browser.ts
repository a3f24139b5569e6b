/** A headless Chromium: Debian's, or the one that CENOTE_CHROMIUM names. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

const names = ["chromium", "chromium-browser", "google-chrome"]

/** Undefined: there is none. */
export const program = process.env.CENOTE_CHROMIUM ??
  (process.env.PATH ?? "").split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file))

export const browser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => {
    if (program === undefined) {
      throw new Error("There is no Chromium: install it, or set CENOTE_CHROMIUM to its program.")
    }
    // Root has no sandbox to be in, and containers have little shared memory.
    return chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] })
  }),
  (browser) => Effect.promise(() => browser.close())
)

/** A page that must not have thrown, or been kept from loading anything, when the Scope closes. */
export const open = (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {}
): Effect.Effect<Page, never, Scope.Scope> =>
  Effect.gen(function*() {
    const wrong: Array<string> = []
    const page = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newPage(options)),
      (page) => Effect.promise(() => page.close())
    )
    page.on("pageerror", (error) => wrong.push(error.message))
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) wrong.push(message.text())
    })
    yield* Effect.addFinalizer(() => wrong.length === 0 ? Effect.void : Effect.dieMessage(wrong.join("\n")))
    yield* Effect.promise(() => page.goto(url))
    return page
  })
