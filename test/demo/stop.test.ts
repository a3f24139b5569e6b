import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as http from "node:http"
import * as Clients from "./clients.js"
import { figure, poll, start } from "./demo.js"

// Each starts a server. On a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const until = (holds: () => boolean) => poll(() => holds() ? Effect.void : undefined)

/** Where the demo listens, once it does nothing but serve. */
const address = /curl (http:\S+)\/total/

interface Client {
  readonly answered: () => number
  /** What ended it: a refusal, no answer, or one that was not expected. */
  readonly ended: Effect.Effect<"Refused" | Clients.NoAnswer | Clients.Answer>
}

const isRefusal = ({ body, connection, status }: Clients.Answer) =>
  status === 503 && connection === "close" && body.includes("stopping")

/** Asks for one transfer after the other, over one connection or over one each, until it hears something else than 200 or 409. */
const client = (url: string, agent?: http.Agent): Client => {
  let answered = 0
  const ended: Client["ended"] = Effect.suspend(() => {
    const from = 1 + answered % 10
    const body = { from, to: 1 + from % 10, amount: 1 + answered % 500 }
    return Clients.ask(url, { path: "/transfers", body, ...(agent === undefined ? {} : { agent }) })
  }).pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.succeed(error.code === "ECONNREFUSED" ? "Refused" as const : error),
      onSuccess: (answer) => {
        if (answer.status !== 200 && answer.status !== 409) {
          return Effect.succeed(isRefusal(answer) ? "Refused" as const : answer)
        }
        answered++
        return ended
      }
    })
  )
  return { answered: () => answered, ended }
}

describe.concurrent("The demo, told to stop", () => {
  it.scopedLive("answers all that it has begun, refuses the rest, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "50", "--accounts", "10", "--serve", "--clients", "20"])
      const [, url] = yield* demo.wrote(address)
      yield* demo.wrote(/20 clients go on asking/)

      // One that asks nothing more must not be waited for.
      const idle = yield* Clients.agent
      expect(yield* Clients.ask(url!, { path: "/hello", agent: idle })).toMatchObject({ status: 200 })

      const agents = yield* Effect.replicateEffect(Clients.agent, 20)
      const clients = [...agents.map((agent) => client(url!, agent)), ...Array.from({ length: 5 }, () => client(url!))]
      const ends = yield* Effect.forkScoped(Effect.all(clients.map(({ ended }) => ended), { concurrency: "unbounded" }))
      yield* until(() => clients.every(({ answered }) => answered() >= 3))

      yield* demo.signal("SIGTERM")
      expect(yield* demo.ended, demo.output()).toBe(0)
      expect(yield* Fiber.join(ends)).toEqual(clients.map(() => "Refused"))

      const farewell = demo.output().slice(demo.output().indexOf("Requests, at SIGTERM"))
      expect(figure(farewell, "under way"), farewell).toBeGreaterThan(0)
      expect(figure(farewell, "finished")).toBe(figure(farewell, "under way"))
      expect(figure(farewell, "cut short at the deadline")).toBe(0)
      expect(figure(farewell, "left by their client")).toBe(0)
      expect(figure(farewell, "refused \\(503, or no server\\)")).toBe(20)
      expect(figure(farewell, "lost")).toBe(0)
      expect(figure(farewell, "sessions left")).toBe(0)
      expect(figure(farewell, "before")).toBe(10_000)
      expect(figure(farewell, "after")).toBe(10_000)
      expect(farewell).toContain("✔ No request was lost.")
      expect(demo.leftovers()).toEqual([])
    }))

  it.scopedLive("finishes a slow request, while it refuses others", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "5", "--accounts", "10", "--serve", "--deadline", "60"])
      const [, url] = yield* demo.wrote(address)
      const audit = yield* Effect.forkScoped(Clients.ask(url!, { path: "/audit/3" }))
      yield* leased(url!, 1)

      yield* demo.signal("SIGTERM")
      yield* demo.wrote(/Requests under way: 1\./)
      expect(isRefusal(yield* Clients.ask(url!, { path: "/total" }))).toBe(true)
      expect(yield* Fiber.join(audit)).toMatchObject({ status: 200, connection: "close", body: "{\"total\":10000}" })
      expect(yield* demo.ended, demo.output()).toBe(0)
      expect(demo.output()).toContain("✔ No request was lost.")
    }))

  it.scopedLive("cuts short what hangs when its time is over, and says so", () =>
    Effect.gen(function*() {
      const demo = yield* start(["--transfers", "5", "--accounts", "10", "--serve", "--deadline", "1"])
      const [, url] = yield* demo.wrote(address)
      const audit = yield* Effect.forkScoped(Effect.flip(Clients.ask(url!, { path: "/audit/600" })))
      yield* leased(url!, 1)

      yield* demo.signal("SIGTERM")
      expect(yield* demo.ended, demo.output()).toBe(1)
      expect(yield* Fiber.join(audit)).toBeInstanceOf(Clients.NoAnswer)

      const farewell = demo.output().slice(demo.output().indexOf("Requests, at SIGTERM"))
      expect(figure(farewell, "under way"), farewell).toBe(1)
      expect(figure(farewell, "finished")).toBe(0)
      expect(figure(farewell, "cut short at the deadline")).toBe(1)
      expect(figure(farewell, "sessions left")).toBe(0)
      expect(figure(farewell, "after")).toBe(10_000)
      expect(farewell).toContain("✘ Not finished in 1 s, and cut short: 1.")
      expect(demo.leftovers()).toEqual([])
    }))
})

/** Waits until so many connections are in use. */
const leased = (url: string, connections: number): Effect.Effect<void, Clients.NoAnswer> =>
  Effect.flatMap(
    Clients.ask(url, { path: "/pool" }),
    ({ body }) => JSON.parse(body).leased === connections ? Effect.void : Effect.delay(leased(url, connections), 20)
  )
