/**
 * Makes the pictures of the console in docs/, of the demo that runs at the address given:
 *
 * ```
 * pnpm demo --serve --port 8123
 * pnpm screenshots http://127.0.0.1:8123
 * ```
 */
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import * as Browser from "../support/browser.js"

const [bank] = process.argv.slice(2)
if (bank === undefined || !URL.canParse(bank)) {
  console.error("Say where the demo runs: pnpm screenshots http://127.0.0.1:8123")
  process.exit(2)
}

const send = (path: string, body: object) =>
  Effect.promise(() =>
    fetch(new URL(path, bank), {
      method: "POST",
      headers: { "content-type": "application/json", "x-bank": "1" },
      body: JSON.stringify(body)
    })
  )

/** Something to see: load, a freeze that it waits out, sessions that are killed. */
const story = Effect.gen(function*() {
  yield* send("/visit/clients", { clients: 40 })
  yield* Effect.sleep("15 seconds")
  yield* send("/visit/harm", { harm: "freeze", seconds: 2 })
  yield* Effect.sleep("12 seconds")
  yield* send("/visit/clients", { clients: 15 })
  yield* Effect.sleep("8 seconds")
  yield* send("/visit/harm", { harm: "kill" })
  yield* Effect.sleep("10 seconds")
})

const picture = (scheme: "light" | "dark") =>
  Effect.gen(function*() {
    const browser = yield* Browser.browser
    const page = yield* Browser.open(browser, new URL("/console/", bank).href, {
      colorScheme: scheme,
      viewport: { width: 1360, height: 1000 }
    })
    return Effect.promise(() =>
      page.screenshot({ path: fileURLToPath(new URL(`../../docs/console-${scheme}.png`, import.meta.url)) })
    )
  })

const program = Effect.gen(function*() {
  const light = yield* picture("light")
  const dark = yield* picture("dark")
  yield* story
  yield* light
  yield* dark
})

await Effect.runPromise(Effect.scoped(program))
