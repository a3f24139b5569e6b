/** The console's page as people see it, in a real browser, of a server that may go away. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolConsole from "@cenote/core/PoolConsole"
import { FakeConnector } from "@cenote/core/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { expect, it, vi } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { Page } from "playwright-core"
import * as Browser from "../support/browser.js"
import { describeInChromium } from "../support/chromium.js"

// A browser takes its time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/** A name that would be markup, if it were ever written as such. */
const HOSTILE = `<img src=x onerror="document.title='owned'">`

/** A console on a port, until the Scope closes. */
const serve = (options: Partial<PoolConsole.Options> = {}, port = 0) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ name: "orders", connector: fake.connector, maxSize: 4 })
    const console = yield* PoolConsole.make({
      pools: { orders: pool, [HOSTILE]: pool },
      read: "anyone",
      sampleEvery: 100,
      ...options
    })
    const app = HttpRouter.empty.pipe(HttpRouter.mount("/console", console))
    const node = createServer()
    const layer = Layer.provideMerge(
      HttpServer.serve(app),
      NodeHttpServer.layer(() => node, { host: "127.0.0.1", port })
    )
    const context = yield* Layer.build(Layer.provide(layer, Logger.minimumLogLevel(LogLevel.None)))
    // It goes away as one that is killed: in the midst of its answers.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        node.close()
        node.closeAllConnections()
      })
    )
    const address = yield* Effect.provide(HttpServer.addressFormattedWith(Effect.succeed), context)
    return { fake, pool, url: `${address}/console/`, port: Number(new URL(address).port) }
  })

/** Waits until the page shows a text at a place. */
const shows = (page: Page, selector: string, text: RegExp) =>
  Effect.promise(() => page.locator(selector).filter({ hasText: text }).first().waitFor())

/** What a chart says of its last sample. */
const legend = (chart: string) => `figure[data-chart="${chart}"] figcaption`

/** The canvas of a chart, as it is drawn now. */
const drawing = (page: Page, chart: string) =>
  Effect.promise(() =>
    page.locator(`figure[data-chart="${chart}"] canvas`).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())
  )

/** Holds a connection until it is told to let go. */
const hold = (pool: ConnectionPool.ConnectionPool<any, any>) =>
  Effect.gen(function*() {
    const held = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      Effect.withSpan(pool.use(() => Deferred.await(held)), "the night's report")
    )
    return Effect.zipRight(Deferred.succeed(held, undefined), Fiber.join(fiber))
  })

const press = (page: Page, form: string) => Effect.promise(() => page.locator(`${form} button`).click())

describeInChromium("The console in a browser", () => {
  it.scopedLive("moves its charts under load, and shows leases and waiters while they last", () =>
    Effect.gen(function*() {
      const { pool, url } = yield* serve()
      const page = yield* Effect.flatMap(Browser.browser, (browser) => Browser.open(browser, url))
      yield* shows(page, "#link", /live/)
      yield* shows(page, legend("Connections"), /in use 0/)
      yield* shows(page, "#leases", /none/)
      const before = yield* drawing(page, "Connections")

      const holders = yield* Effect.replicateEffect(hold(pool), 6)
      yield* shows(page, legend("Connections"), /in use 4/)
      yield* shows(page, legend("Waiting"), /callers 2/)
      yield* shows(page, "#leases", /the night's report/)
      expect(yield* Effect.promise(() => page.locator("#leases tbody tr").count())).toBe(4)
      yield* shows(page, "#waiters tbody tr:nth-child(2)", /the night's report/)
      yield* shows(page, "#health", /4 of 4 are in use, and 2 wait/)
      expect(yield* drawing(page, "Connections")).not.toBe(before)

      yield* Effect.all(holders)
      yield* shows(page, legend("Connections"), /in use 0/)
      yield* shows(page, "#leases", /none/)
      yield* shows(page, "#health", /running, healthy/)
    }))

  it.scopedLive("acts where it may, and says why where it may not", () =>
    Effect.gen(function*() {
      const { pool, url } = yield* serve({
        authorize: ({ action }) => action.action === "clear" ? Effect.fail("no") : Effect.void
      })
      const page = yield* Effect.flatMap(Browser.browser, (browser) => Browser.open(browser, url))
      yield* Effect.promise(() => page.getByLabel("maxSize").fill("7"))
      yield* press(page, "#resize")
      yield* shows(page, "#answer", /resize: done/)
      yield* shows(page, "#figures", /0 \/ 7/)
      expect((yield* pool.stats).maxSize).toBe(7)
      yield* press(page, "#suspend")
      yield* shows(page, "#health", /suspended/)
      yield* press(page, "#resume")
      yield* shows(page, "#health", /running, healthy/)
      yield* press(page, "#clear")
      yield* shows(page, "#answer", /clear was refused: You may not do this/)
    }))

  it.scopedLive("has no buttons where nobody may act, and writes hostile names as they are", () =>
    Effect.gen(function*() {
      const { pool, url } = yield* serve({
        server: { orders: Effect.succeed([{ pid: 7, statement: HOSTILE }]) }
      })
      const page = yield* Effect.flatMap(Browser.browser, (browser) => Browser.open(browser, url))
      yield* shows(page, "#server", /onerror/)
      expect(yield* Effect.promise(() => page.locator("#actions").isVisible())).toBe(false)
      yield* Effect.promise(() => page.getByRole("button", { name: HOSTILE, exact: true }).click())
      yield* shows(page, "#health", /onerror/)
      yield* Effect.forkScoped(Effect.withSpan(pool.use(() => Effect.never), HOSTILE))
      yield* shows(page, "#leases", /onerror/)
      expect(yield* Effect.promise(() => page.locator("img").count())).toBe(0)
      expect(yield* Effect.promise(() => page.title())).not.toBe("owned")
    }))

  it.scopedLive("outlives its server, and goes on with the next", () =>
    Effect.gen(function*() {
      const first = yield* Scope.make()
      const { port, url } = yield* Scope.extend(serve(), first)
      const page = yield* Effect.flatMap(Browser.browser, (browser) => Browser.open(browser, url))
      yield* shows(page, "#link", /live/)
      yield* Scope.close(first, Exit.void)
      yield* shows(page, "#link", /the server is away/)
      const { pool } = yield* serve({}, port)
      yield* shows(page, "#link", /live/)
      const letGo = yield* hold(pool)
      yield* shows(page, legend("Connections"), /in use 1/)
      yield* shows(page, "#leases", /the night's report/)
      yield* letGo
    }))

  it.scopedLive("is whole on a phone, in the dark, by keyboard, and to a screen reader", () =>
    Effect.gen(function*() {
      const { url } = yield* serve({ authorize: () => Effect.void })
      const browser = yield* Browser.browser
      const phone = yield* Browser.open(browser, url, { viewport: { width: 360, height: 740 }, colorScheme: "dark" })
      yield* shows(phone, "#link", /live/)
      const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth
      expect(yield* Effect.promise(() => phone.evaluate(wide))).toBe(0)
      const ground = () => getComputedStyle(document.documentElement).backgroundColor
      const page = yield* Browser.open(browser, url, { colorScheme: "light" })
      expect(yield* Effect.promise(() => phone.evaluate(ground))).not.toBe(
        yield* Effect.promise(() => page.evaluate(ground))
      )
      // The first stop is the way past the head, the next are the pools.
      yield* Effect.promise(() => page.keyboard.press("Tab"))
      yield* Effect.promise(() => page.locator(".skip:focus").waitFor())
      yield* Effect.promise(() => page.keyboard.press("Tab"))
      yield* Effect.promise(() => page.locator("#pools button:focus").waitFor())
      const tree = yield* Effect.promise(() => page.locator("body").ariaSnapshot())
      for (
        const part of [
          "navigation \"Pools\"",
          "status: live",
          "caption: Leases",
          "spinbutton \"maxSize\"",
          "heading \"Operate\""
        ]
      ) {
        expect(tree).toContain(part)
      }
      expect(tree).toMatch(/img "Connections: in use 0/)
    }))
})
