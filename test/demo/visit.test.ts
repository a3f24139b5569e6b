/** What a visitor of the demo may do: move the load, and hurt the database. The bank goes on. */
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Clients from "./clients.js"
import { figure, start } from "./demo.js"

// It starts a server, twice. On a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

interface Seen {
  readonly asking: number
  readonly Transferred: number
  readonly Insufficient: number
  readonly Unavailable: number
  readonly Failed: number
  readonly Lost: number
  readonly trouble: string
}

const headers = { "x-bank": "1" }

const look = (url: string): Effect.Effect<Seen, Clients.NoAnswer> =>
  Effect.map(Clients.ask(url, { path: "/visit" }), ({ body }) => JSON.parse(body))

/** Looks again and again until it is so. */
const until = (url: string, holds: (seen: Seen) => boolean): Effect.Effect<Seen, Clients.NoAnswer> =>
  Effect.flatMap(look(url), (seen) => holds(seen) ? Effect.succeed(seen) : Effect.delay(until(url, holds), 20))

const served = ({ Insufficient, Transferred }: Seen) => Insufficient + Transferred

/** Waits until so many more transfers are answered as in a healthy bank. */
const goesOn = (url: string, more = 50) =>
  Effect.flatMap(
    look(url),
    (before) => until(url, (now) => now.trouble === "none" && served(now) >= served(before) + more)
  )

const post = (url: string, path: string, body: object) => Clients.ask(url, { path, body, headers })

const opened = (url: string) =>
  Effect.map(Clients.ask(url, { path: "/pool" }), ({ body }) => JSON.parse(body).opened as number)

describe("A visitor of the demo", () => {
  it.scopedLive("moves the load, and hurts the database, and the bank goes on and loses nothing", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "20", "--accounts", "10", "--connections", "4", "--serve"])
      const [, address] = yield* demo.wrote(/Open (http:\S+) to move/)
      const url = address!
      expect(yield* Clients.ask(url, { path: "/" })).toMatchObject({ status: 200 })

      yield* post(url, "/visit/clients", { clients: 12 })
      yield* until(url, ({ asking }) => asking === 12)
      yield* goesOn(url)
      yield* post(url, "/visit/clients", { clients: 8 })
      yield* until(url, ({ asking }) => asking === 8)

      const before = yield* opened(url)
      expect(yield* post(url, "/visit/harm", { harm: "kill" })).toMatchObject({ status: 202 })
      yield* goesOn(url)
      expect(yield* opened(url)).toBeGreaterThanOrEqual(before + 4)

      yield* post(url, "/visit/harm", { harm: "freeze", seconds: 2 })
      const frozen = yield* until(url, ({ trouble }) => trouble === "frozen")
      yield* goesOn(url)
      expect(served(frozen)).toBeGreaterThan(0)

      const pid = yield* demo.server
      yield* post(url, "/visit/harm", { harm: "restart" })
      yield* goesOn(url)
      expect(yield* demo.server).not.toBe(pid)

      // An open page must not hold up the end.
      const page = yield* Effect.forkScoped(Clients.ask(url, { path: "/console/events" }))
      yield* goesOn(url, 1)
      yield* demo.signal("SIGTERM")
      expect(yield* demo.ended, demo.output()).toBe(0)
      expect((yield* Fiber.join(page)).body).toContain("data: ")
      const farewell = demo.output().slice(demo.output().indexOf("Requests, at SIGTERM"))
      expect(figure(farewell, "cut short at the deadline")).toBe(0)
      expect(figure(farewell, "lost")).toBe(0)
      expect(figure(farewell, "after")).toBe(10_000)
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("is told what is wrong with what it asks, and another site's page is refused", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "5", "--accounts", "10", "--serve"])
      const [, address] = yield* demo.wrote(/Open (http:\S+) to move/)
      const url = address!
      const refused = (path: string, body: object) =>
        Effect.map(post(url, path, body), ({ body, status }) => `${status} ${body}`)
      expect(yield* refused("/visit/clients", { clients: 1e9 })).toMatch(/^400 .*1000/s)
      expect(yield* refused("/visit/harm", { harm: "burn" })).toMatch(/^400 .*burn/s)
      expect(yield* refused("/visit/harm", { harm: "freeze", seconds: 1e9 })).toMatch(/^400 .*60/s)
      const stranger = yield* Clients.ask(url, { path: "/visit/harm", body: { harm: "kill" } })
      expect([stranger.status, yield* look(url)]).toMatchObject([403, { trouble: "none" }])
    }))
})
