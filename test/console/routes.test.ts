/** The console's routes, over the two routers, as a browser and as somebody who should not. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolConsole from "@cenote/core/PoolConsole"
import { FakeConnector } from "@cenote/core/testing"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"

/** A name that would be markup, a text of script, a label and a line, wherever somebody forgot to escape it. */
const HOSTILE = `</script><img src=x onerror=alert(1)>"\\\n'`

const own = { "x-cenote-console": "1", "content-type": "application/json" }

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: any
}

const console_ = (options: Partial<PoolConsole.Options> = {}, tuning: object = {}) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ name: "orders", connector: fake.connector, maxSize: 2, ...tuning })
    const router = yield* PoolConsole.make({ pools: { db: pool, [HOSTILE]: pool }, read: "anyone", ...options })
    const app = HttpRouter.empty.pipe(HttpRouter.mount("/admin/console", router))
    const handler = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(app)
    const ask = (path: string, init: RequestInit = {}): Effect.Effect<Answer> =>
      Effect.promise(async () => {
        const answer = await handler(new Request(`http://localhost${path}`, init))
        const text = await answer.text()
        const json = answer.headers.get("content-type") === "application/json" ? JSON.parse(text) : undefined
        return { status: answer.status, headers: answer.headers, text, json }
      })
    const post = (body: unknown, headers: Record<string, string> = own, pool = "db") =>
      ask(`/admin/console/pools/${pool}/actions`, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : JSON.stringify(body)
      })
    return { ask, fake, handler, pool, post }
  })

const anyone = { authorize: () => Effect.void }

describe("a console's page", () => {
  it.scoped("is at the end of its path, and loads nothing from elsewhere", () =>
    Effect.gen(function*() {
      const { ask } = yield* console_()
      const bare = yield* ask("/admin/console")
      expect([bare.status, bare.headers.get("location")]).toEqual([308, "console/"])
      const page = yield* ask("/admin/console/")
      expect(page.status).toBe(200)
      expect(page.headers.get("content-type")).toContain("text/html")
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'")
      expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'self'")
      expect(page.text).not.toMatch(/https?:|<script>|style="/)
      for (const [, file] of page.text.matchAll(/(?:src|href)="([a-z.]+)"/g)) {
        const asset = yield* ask(`/admin/console/${file}`)
        expect([file, asset.status, asset.text.length > 100]).toEqual([file, 200, true])
        expect(asset.headers.get("content-type")).toMatch(/^text\/(css|javascript)/)
      }
    }))

  it.scoped("has no name of a pool in it, and what has is JSON", () =>
    Effect.gen(function*() {
      const { ask } = yield* console_()
      expect((yield* ask("/admin/console/")).text).not.toContain("onerror")
      const names = yield* ask("/admin/console/pools")
      expect(names.json).toEqual({ pools: ["db", HOSTILE], canAct: false })
      expect(names.headers.get("x-content-type-options")).toBe("nosniff")
      const pool = yield* ask(`/admin/console/pools/${encodeURIComponent(HOSTILE)}`)
      expect(pool.json.name).toBe(HOSTILE)
    }))
})

describe("a console's data", () => {
  it.scoped("of a pool are its figures, leases, waiters and configuration", () =>
    Effect.gen(function*() {
      const { ask, pool } = yield* console_({}, { maxSize: 1, acquireTimeout: "5 minutes" })
      const holder = yield* Effect.fork(Effect.withSpan(pool.use(() => Effect.never), "report"))
      yield* settled
      const waiter = yield* Effect.fork(pool.use(() => Effect.void, { priority: "high" }))
      yield* TestClock.adjust("2 seconds")
      const { json } = yield* ask("/admin/console/pools/db")
      expect(json).toMatchObject({
        name: "db",
        stats: { name: "orders", phase: "running", leased: 1, waiting: 1, maxSize: 1 },
        leases: [{ lease: 0, connection: 0, age: 2_000, span: "report", isLong: false }],
        waiters: [{ place: 1, priority: "high", age: 2_000, left: 298_000 }],
        configuration: { maxSize: 1, acquireTimeout: 300_000, maxWaiters: "unbounded", overload: "off" },
        health: { status: "Degraded", reasons: ["1 of 1 are in use, and 1 wait"] },
        lastConnectFailure: null
      })
      yield* Fiber.interrupt(waiter)
      yield* Fiber.interrupt(holder)
    }))

  it.scoped("of a pool that is not known are 404, whatever its name", () =>
    Effect.gen(function*() {
      const { ask, post } = yield* console_(anyone)
      for (const name of ["nobody", "__proto__", "constructor", "toString"]) {
        const answer = yield* ask(`/admin/console/pools/${name}`)
        expect([answer.status, answer.json.error]).toEqual([404, "UnknownPool"])
        expect((yield* ask(`/admin/console/pools/${name}/server`)).status).toBe(404)
        expect((yield* post({ action: "clear" }, own, name)).status).toBe(404)
      }
    }))

  it.scoped("of a server are what the application gives, and a failure of that is told", () =>
    Effect.gen(function*() {
      const rows = [{ pid: 7, state: "idle" }]
      const { ask } = yield* console_({
        server: { db: Effect.succeed(rows), [HOSTILE]: Effect.fail("away") }
      })
      expect((yield* ask("/admin/console/pools/db/server")).json).toEqual({ rows })
      expect((yield* ask(`/admin/console/pools/${encodeURIComponent(HOSTILE)}/server`)).json).toEqual({
        error: "away"
      })
      const none = yield* console_()
      expect((yield* none.ask("/admin/console/pools/db/server")).json).toBe(null)
    }))

  it.scoped("are Prometheus' text at metrics, with names escaped", () =>
    Effect.gen(function*() {
      const { ask, pool } = yield* console_()
      yield* pool.use(() => Effect.void)
      const { headers, text } = yield* ask("/admin/console/metrics")
      expect(headers.get("content-type")).toContain("version=0.0.4")
      const escaped = HOSTILE.replace(/\\/g, "\\\\").replace(/"/g, "\\\"").replace(/\n/g, "\\n")
      expect(text).toContain(`cenote_connections{pool="db",state="idle"} 1\n`)
      expect(text).toContain(`cenote_acquired_total{pool="${escaped}"} 1\n`)
      for (const line of text.trimEnd().split("\n")) {
        expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{pool=".*"\} \d+)$/)
      }
    }))

  it.scoped("of a server that does not answer are an error after two seconds", () =>
    Effect.gen(function*() {
      const { ask } = yield* console_({ server: { db: Effect.uninterruptible(Effect.never) } })
      const answer = yield* Effect.fork(ask("/admin/console/pools/db/server"))
      yield* settled
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(answer)).json.error).toMatch(/TimeoutException/)
    }))

  it.scoped("say why a pool is not healthy, in words, without what a cause carries", () =>
    Effect.gen(function*() {
      const { ask, fake, pool } = yield* console_()
      yield* fake.outage(1_000_000)
      yield* Effect.ignore(pool.use(() => Effect.void))
      yield* settled
      const down = (yield* ask("/admin/console/pools/db")).json.health
      expect(down.status).toBe("Down")
      expect(down.reasons).toEqual([expect.stringMatching(/^cannot connect: 1 in a row have failed, 0 are open: /)])
      yield* pool.suspend({ newcomers: "refuse" })
      expect((yield* ask("/admin/console/pools/db")).json.health.reasons).toContain("suspended: newcomers are refused")
      yield* pool.close()
      expect((yield* ask("/admin/console/pools/db")).json.health.reasons).toContain("closed, or closing")
    }))

  it.scoped("end when the server is told to stop", () =>
    Effect.gen(function*() {
      const stopping = yield* Deferred.make<void>()
      const { ask } = yield* console_({ stopping: Deferred.await(stopping) })
      const stream = yield* Effect.fork(ask("/admin/console/events"))
      yield* settled
      expect(yield* Fiber.poll(stream)).toEqual(Option.none())
      yield* Deferred.succeed(stopping, undefined)
      expect((yield* Fiber.join(stream)).text).toContain("data: {\"type\":\"past\"")
    }))

  it.scoped("come as server-sent events", () =>
    Effect.gen(function*() {
      const { handler } = yield* console_()
      const answer = yield* Effect.promise(() => handler(new Request("http://localhost/admin/console/events")))
      expect(answer.headers.get("content-type")).toBe("text/event-stream")
      const reader = answer.body!.getReader()
      const first = yield* Effect.promise(() => reader.read())
      const text = new TextDecoder().decode(first.value)
      expect(text).toMatch(/^data: \{.*\}\n\n/)
      expect(JSON.parse(text.split("\n")[0]!.slice(6))).toMatchObject({ type: "past" })
      yield* Effect.promise(() => reader.cancel())
    }))
})

describe("who may read", () => {
  it.scoped("is asked at every route, and told nothing where he may not", () =>
    Effect.gen(function*() {
      const read = Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        ({ headers }) => headers["authorization"] === "Bearer right" ? Effect.void : Effect.fail("wrong")
      )
      const { ask, post } = yield* console_({ read: read as Effect.Effect<void, string>, ...anyone })
      const paths = [
        "",
        "console.js",
        "uplot.js",
        "pools",
        "pools/db",
        "pools/nobody",
        "pools/db/server",
        "events",
        "metrics"
      ]
      for (const path of paths) {
        const answer = yield* ask(`/admin/console/${path}`)
        expect([path, answer.status, answer.json]).toEqual([
          path,
          403,
          { error: "Forbidden", message: "You may not do this." }
        ])
      }
      expect((yield* post({ action: "clear" })).status).toBe(403)
      const authorization = { authorization: "Bearer right" }
      expect((yield* ask("/admin/console/pools", { headers: authorization })).status).toBe(200)
      expect((yield* post({ action: "clear" }, { ...own, ...authorization })).status).toBe(200)
    }))

  it.effect("must be said: a console without a word on it is not built", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        PoolConsole.make({ pools: {}, server: { db: Effect.succeed([]) }, sampleEvery: 1, authorize: "me" } as never)
      )
      expect(error._tag).toBe("InvalidOptions")
      expect(error.issues.map(({ field }) => field)).toEqual(["read", "authorize", "server", "sampleEvery"])
      expect(error.message).toContain("\"anyone\"")
    }))
})

describe("an action", () => {
  it.scoped("is not there without authorize", () =>
    Effect.gen(function*() {
      const { ask, pool, post } = yield* console_()
      yield* pool.use(() => Effect.void)
      expect((yield* ask("/admin/console/pools")).json.canAct).toBe(false)
      expect((yield* post({ action: "clear" })).status).toBe(404)
      expect((yield* pool.stats).idle).toBe(1)
    }))

  it.scoped("is done where it is authorized", () =>
    Effect.gen(function*() {
      const asked: Array<PoolConsole.Asked> = []
      const { pool, post } = yield* console_({ authorize: (what) => Effect.sync(() => asked.push(what)) })
      const does = (body: PoolConsole.Action) => Effect.map(post(body), ({ status }) => expect(status).toBe(200))
      yield* pool.use(() => Effect.void)
      yield* does({ action: "resize", maxSize: 5, minIdle: 1 })
      expect(yield* pool.stats).toMatchObject({ maxSize: 5, minIdle: 1 })
      yield* does({ action: "suspend", duration: 60_000, newcomers: "refuse" })
      expect((yield* pool.stats).phase).toBe("suspended")
      yield* does({ action: "resume" })
      expect((yield* pool.stats).phase).toBe("running")
      yield* does({ action: "clear" })
      yield* does({ action: "recycle", within: 0 })
      yield* settled
      expect((yield* pool.stats).closed).toBeGreaterThan(0)
      expect(asked.map(({ action, pool }) => `${pool} ${action.action}`)).toEqual([
        "db resize",
        "db suspend",
        "db resume",
        "db clear",
        "db recycle"
      ])
    }))

  it.scoped("is refused with the reason where it cannot be", () =>
    Effect.gen(function*() {
      const { pool, post } = yield* console_(anyone)
      const refused = (body: unknown) =>
        Effect.map(post(body), ({ json, status }) => `${status} ${json.error}: ${json.message}`)
      expect(yield* refused({ action: "explode" })).toMatch(/^400 InvalidAction: .*explode/s)
      expect(yield* refused({ action: "recycle", within: "soon" })).toMatch(/^400 InvalidAction: .*soon/s)
      expect(yield* refused({ action: "clear", because: "x" })).toMatch(/^400 InvalidAction: .*because/s)
      expect(yield* refused("{")).toMatch(/^400 InvalidBody/)
      expect(yield* refused("x".repeat(20_000))).toMatch(/^400 Invalid/)
      expect(yield* refused({ action: "resize", maxSize: 0 })).toMatch(/^400 InvalidOptions: .*at least 1/s)
      yield* pool.close()
      expect(yield* refused({ action: "clear" })).toMatch(/^409 PoolClosed/)
    }))

  it.scoped("is not done for another site's page, nor for who may not", () =>
    Effect.gen(function*() {
      const { pool, post } = yield* console_({
        authorize: ({ action }) => action.action === "resume" ? Effect.void : Effect.fail("no")
      })
      yield* pool.use(() => Effect.void)
      const strangers: ReadonlyArray<Record<string, string>> = [
        {},
        { "content-type": "application/json" },
        { "x-cenote-console": "yes" },
        { ...own, "sec-fetch-site": "cross-site" },
        { ...own, "sec-fetch-site": "same-site" },
        { ...own, origin: "https://evil.example", host: "localhost" },
        { ...own, origin: "null", host: "localhost" }
      ]
      for (const headers of strangers) expect((yield* post({ action: "resume" }, headers)).status).toBe(403)
      expect((yield* post({ action: "clear" })).status).toBe(403)
      expect((yield* pool.stats).idle).toBe(1)
      const itself = { ...own, "sec-fetch-site": "same-origin", origin: "http://localhost", host: "localhost" }
      expect((yield* post({ action: "resume" }, itself)).status).toBe(200)
    }))
})

it.scoped("a HttpLayerRouter has the same routes under a path", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector })
    const { dispose, handler } = HttpLayerRouter.toWebHandler(
      PoolConsole.layer("/console", { pools: { db: pool }, read: "anyone", ...anyone })
    )
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const status = (path: string, init?: RequestInit) =>
      Effect.promise(async () => (await handler(new Request(`http://localhost${path}`, init))).status)
    expect(yield* status("/console/pools/db")).toBe(200)
    expect(yield* status("/console/")).toBe(200)
    expect(yield* status("/console/metrics")).toBe(200)
    expect(
      yield* status("/console/pools/db/actions", {
        method: "POST",
        headers: own,
        body: JSON.stringify({ action: "clear" })
      })
    ).toBe(200)
  }))
