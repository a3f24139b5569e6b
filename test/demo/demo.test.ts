import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as net from "node:net"
import { figure, isRunning, start } from "./demo.js"

// Each starts a server. On a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

describe.concurrent("The demo", () => {
  it.scopedLive("answers every transfer, over as many connections as it was told, and keeps the sum", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "200", "--connections", "4", "--accounts", "10"], { CI: "true" })
      expect(yield* demo.ended, demo.output()).toBe(0)

      const output = demo.output()
      const transferred = figure(output, "transferred \\(200\\)")
      const insufficient = figure(output, "insufficient funds \\(409\\)")
      const unavailable = figure(output, "no connection \\(503\\)")
      expect(transferred + insufficient + unavailable).toBe(200)
      expect(transferred).toBeGreaterThan(0)
      expect(insufficient).toBeGreaterThan(0)
      expect(figure(output, "before")).toBe(10_000)
      expect(figure(output, "after")).toBe(10_000)
      expect(figure(output, "most sessions at one time")).toBeGreaterThan(0)
      expect(figure(output, "most sessions at one time")).toBeLessThanOrEqual(4)
      // All of them were under way at once.
      expect(figure(output, "most waiting at one time")).toBeGreaterThan(150)
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("stops its server and deletes its files on Ctrl-C, also when it is pressed twice", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "400"])
      yield* demo.wrote(/Transfers .* 0\/400/)
      const server = yield* demo.server
      expect(isRunning(server)).toBe(true)

      yield* demo.signal("SIGINT")
      yield* demo.wrote(/Stopping/)
      yield* demo.signal("SIGINT")
      expect(yield* demo.ended, demo.output()).toBe(130)
      // It had finished what it had begun.
      const farewell = demo.output().slice(demo.output().indexOf("Requests, at SIGINT"))
      expect(figure(farewell, "finished")).toBe(figure(farewell, "under way"))
      expect(figure(farewell, "lost"), farewell).toBe(0)
      expect(isRunning(server)).toBe(false)
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("says so when its server is killed, and deletes its files", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "400"])
      yield* demo.wrote(/Transfers .* 0\/400/)
      process.kill(yield* demo.server, "SIGKILL")

      expect(yield* demo.ended).toBe(1)
      expect(demo.output()).toContain("✘ PostgreSQL ended by itself (signal SIGKILL)")
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("--serve leaves a service that answers, until it is told to stop", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "5", "--accounts", "10", "--serve"])
      const [, url] = yield* demo.wrote(/curl (http:\S+)\/total/)
      const ask = (path: string, body?: object | undefined) =>
        Effect.promise(async () => {
          const response = await fetch(
            `${url}${path}`,
            body && {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify(body)
            }
          )
          return { status: response.status, body: await response.json() as Record<string, unknown> }
        })

      expect(yield* ask("/total")).toEqual({ status: 200, body: { total: 10_000 } })
      const { body } = yield* ask("/accounts/1")
      expect(yield* ask("/transfers", { from: 1, to: 2, amount: 1 })).toMatchObject({ status: 200 })
      expect(yield* ask("/accounts/1")).toEqual({ status: 200, body: { id: 1, balance: (body.balance as number) - 1 } })
      expect(yield* ask("/transfers", { from: 1, to: 2, amount: 100_000 })).toEqual({
        status: 409,
        body: { error: "Account 1 has less than 100000." }
      })
      expect(yield* ask("/transfers", { from: 1, to: 11, amount: 1 })).toMatchObject({ status: 404 })
      expect(yield* ask("/transfers", { from: 1, to: 1, amount: 1 })).toMatchObject({ status: 400 })
      expect(yield* ask("/transfers", { from: 1, to: 2, amount: -1 })).toMatchObject({ status: 400 })
      expect(yield* ask("/accounts/11")).toMatchObject({ status: 404 })
      expect(yield* ask("/accounts/one")).toMatchObject({ status: 400 })
      expect(yield* ask("/nowhere")).toMatchObject({ status: 404 })
      expect(yield* ask("/total")).toEqual({ status: 200, body: { total: 10_000 } })
      expect(yield* ask("/pool")).toMatchObject({ status: 200, body: { name: "postgresql", leased: 0, waiting: 0 } })

      yield* demo.signal("SIGTERM")
      expect(yield* demo.ended, demo.output()).toBe(0)
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("says which port is taken", () =>
    Effect.gen(function*() {
      const port = yield* takenPort
      const demo = yield* start(["--transfers", "5", "--port", String(port)])
      expect(yield* demo.ended).toBe(1)
      expect(demo.output()).toContain(`✘ Port ${port} is taken.`)
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("says which program is missing", () =>
    Effect.gen(function*() {
      const demo = yield* start([], { CENOTE_POSTGRES_BIN: "/nowhere" })
      expect(yield* demo.ended).toBe(1)
      expect(demo.output()).toContain("✘ There is no /nowhere/initdb")
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("refuses arguments that make no sense, all of them at once, and starts nothing", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "0", "--connections", "ten", "--accounts=1", "--port=99999"])
      expect(yield* demo.ended).toBe(2)
      expect(demo.output()).toContain("--transfers must be a whole number from 1 to 5000.")
      expect(demo.output()).toContain("--connections must be a whole number")
      expect(demo.output()).toContain("--accounts must be a whole number")
      expect(demo.output()).toContain("--port must be a whole number")
      expect(demo.output()).not.toContain("Starting")
    }))
})

const takenPort = Effect.map(
  Effect.acquireRelease(
    Effect.async<net.Server>((resume) => {
      const server = net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ),
  (server) => (server.address() as net.AddressInfo).port
)
