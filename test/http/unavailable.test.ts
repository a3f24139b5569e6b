/** A pool that is full, down or closed: the client is told when to ask again, and the log is told what happened. */
import * as PoolError from "@cenote/core/PoolError"
import * as RequestConnection from "@cenote/core/RequestConnection"
import { FakeConnector } from "@cenote/core/testing"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { reasonOf } from "../../packages/core/src/http/unavailable.js"
import type { App, Route } from "./support/app.js"
import { eventually, leasedIs, RequestDb } from "./support/pool.js"
import { get } from "./support/servers.js"
import type { Stage } from "./support/stage.js"
import { play, routerNames, serverNames } from "./support/stage.js"

const SECRET = "hunter2"

const routes: ReadonlyArray<Route> = [{
  method: "GET",
  path: "/",
  handler: RequestDb.use((connection) => Effect.succeed(HttpServerResponse.text(String(connection.id))))
}]

interface Fault {
  readonly tuning?: Parameters<typeof play>[0]["tuning"]
  readonly prepare: (stage: Stage) => Effect.Effect<unknown, unknown, Scope.Scope>
  readonly reason: RequestConnection.UnavailableReason
  /** What only the log has. */
  readonly diagnosis: string
}

const hold = ({ subject }: Stage) => subject.pool.get

const faults: Record<string, Fault> = {
  "a full queue": {
    tuning: { maxSize: 1, maxWaiters: 0 },
    prepare: hold,
    reason: "Busy",
    diagnosis: "refused (QueueFull)"
  },
  "a connection that does not come free in time": {
    tuning: { maxSize: 1, acquireTimeout: 0 },
    prepare: ({ subject }) => subject.pool.lease({ acquireTimeout: "10 seconds" }),
    reason: "Busy",
    diagnosis: "place 1 of 1 in the queue, 1 leased of 1"
  },
  "a server that is down": {
    prepare: ({ subject }) => subject.fake.set("open", FakeConnector.fail(`no user with password ${SECRET}`)),
    reason: "Down",
    diagnosis: `no user with password ${SECRET}`
  },
  "a pool that is closed": {
    prepare: ({ subject }) => subject.close,
    reason: "Closed",
    diagnosis: "is closed"
  }
}

const Body = Schema.parseJson(Schema.Struct({
  _tag: Schema.Literal("Unavailable"),
  reason: Schema.String,
  retryAfter: Schema.Int
}))

for (const [name, { diagnosis, prepare, reason, tuning = {} }] of Object.entries(faults)) {
  describe(`${name} is a 503`, () => {
    for (const router of routerNames) {
      for (const server of serverNames) {
        for (const method of ["GET", "HEAD"]) {
          it.scopedLive(`with Retry-After and nothing of the cause, to ${method} in ${router} on ${server}`, () =>
            play({ router, server, tuning }, routes, (stage) =>
              Effect.scoped(Effect.gen(function*() {
                yield* prepare(stage)
                const { answer } = yield* stage.server.request(method, "/")
                const { headers, rest, status } = yield* answer
                expect(status).toBe(503)
                expect(headers["retry-after"]).toMatch(/^[1-9][0-9]?$/)
                expect(JSON.stringify(headers)).not.toContain(SECRET)
                const text = yield* rest
                expect(text).not.toContain(SECRET)
                if (method === "GET") {
                  const body = yield* Schema.decode(Body, { onExcessProperty: "error" })(text)
                  expect(body).toEqual({ _tag: "Unavailable", reason, retryAfter: Number(headers["retry-after"]) })
                }
                const told = stage.log.filter((line) => line.includes(diagnosis))
                expect(told).toHaveLength(1)
                expect(told[0]).toContain(`No connection for the request: ${reason}`)
              }))))
        }
      }
    }
  })
}

for (const server of serverNames) {
  describe(`on ${server}`, () => {
    it.scopedLive("the next request is served when there is a connection again", () =>
      play({ server, tuning: { maxSize: 1, maxWaiters: 0 } }, routes, ({ server, subject }) =>
        Effect.gen(function*() {
          const statusOf = get(server)
          yield* Effect.scoped(Effect.gen(function*() {
            yield* subject.pool.get
            expect((yield* statusOf).status).toBe(503)
          }))
          expect((yield* statusOf).status).toBe(200)
        })))

    it.scopedLive("a client that goes while its request waits leaves the queue", () =>
      play({ server, tuning: { maxSize: 1 } }, routes, ({ server, subject }) =>
        Effect.scoped(Effect.gen(function*() {
          yield* subject.pool.get
          const { abort } = yield* server.request("GET", "/")
          yield* waitingIs(subject, 1)
          yield* abort
          yield* waitingIs(subject, 0)
          expect((yield* subject.pool.stats).leased).toBe(1)
        }))))

    it.scopedLive("two uses at once that fail are one line in the log", () =>
      play(
        { server },
        [{
          method: "GET",
          path: "/",
          handler: Effect.as(
            Effect.all([RequestDb.use(() => Effect.void), RequestDb.use(() => Effect.void)], {
              concurrency: "unbounded"
            }),
            HttpServerResponse.empty()
          )
        }],
        ({ log, server, subject }) =>
          Effect.gen(function*() {
            yield* subject.fake.set("open", FakeConnector.fail("down"))
            const { answer } = yield* server.request("GET", "/")
            expect((yield* answer).status).toBe(503)
            expect(log.filter((line) => line.includes("down"))).toHaveLength(1)
          })
      ))

    it.scopedLive("a handler may answer in its own words", () =>
      play(
        { server, around: (app) => app },
        [{
          method: "GET",
          path: "/",
          handler: RequestDb.use(() => Effect.succeed(HttpServerResponse.text("fresh"))).pipe(
            Effect.catchTag("Unavailable", ({ reason }) => Effect.succeed(HttpServerResponse.text(`stale: ${reason}`)))
          )
        }],
        ({ server, subject }) =>
          Effect.gen(function*() {
            yield* subject.fake.set("open", FakeConnector.fail("down"))
            const { answer } = yield* server.request("GET", "/")
            const { headers, rest, status } = yield* answer
            expect([status, yield* rest, headers["retry-after"]]).toEqual([200, "stale: Down", undefined])
          })
      ))

    it.scopedLive("a 503 of the app's own that says when keeps its word", () =>
      play(
        { server, around: (app) => app as App },
        [{
          method: "GET",
          path: "/",
          handler: RequestDb.use(() => Effect.succeed(HttpServerResponse.empty())).pipe(
            Effect.catchTag("Unavailable", () =>
              Effect.succeed(HttpServerResponse.empty({ status: 503, headers: { "retry-after": "77" } })))
          )
        }],
        ({ server, subject }) =>
          Effect.gen(function*() {
            yield* subject.fake.set("open", FakeConnector.fail("down"))
            const { answer } = yield* server.request("GET", "/")
            expect((yield* answer).headers["retry-after"]).toBe("77")
          })
      ))

    it.scopedLive("a connector that dies is a 500 without a word", () =>
      play({ server }, routes, ({ log, server, subject }) =>
        Effect.gen(function*() {
          yield* subject.fake.set("open", FakeConnector.die(new Error(`told to die of ${SECRET}`)))
          const { answer } = yield* server.request("GET", "/")
          const { rest, status } = yield* answer
          expect([status, yield* rest]).toEqual([500, ""])
          yield* leasedIs(subject, 0)
          expect(log.filter((line) => line.includes("No connection for the request"))).toEqual([])
        })))
  })
}

const waitingIs = (subject: Stage["subject"], expected: number) =>
  eventually(
    Effect.map(subject.pool.stats, ({ waiting }) => waiting),
    (waiting) => waiting === expected,
    `${expected} waiting`
  )

describe("the reason", () => {
  const sizes = {
    maxSize: 2,
    opening: 0,
    idle: 0,
    leased: 2,
    checking: 0,
    resetting: 0,
    closing: 0,
    waiting: 1
  }
  const pool = "fake"
  const timeout = (leased: number, failed: boolean) =>
    new PoolError.AcquireTimeout({
      pool,
      waited: 1,
      place: 1,
      phase: "running",
      sizes: { ...sizes, leased },
      quota: sizes.maxSize,
      leases: [],
      youngestLease: 0,
      returnRate: 0,
      lastConnectFailure: failed ? Option.some({ cause: Cause.fail("down"), at: 0 }) : Option.none(),
      at: 1
    })

  it("of each of the pool's errors is what the client can do something about", () => {
    expect(reasonOf(new PoolError.PoolClosed({ pool }))).toBe("Closed")
    expect(reasonOf(new PoolError.PoolRefused({ pool, reason: "QueueFull", sizes, returnRate: 0 }))).toBe("Busy")
    expect(reasonOf(new PoolError.PoolDeadlock({ pool, sizes, leases: [] }))).toBe("Busy")
    expect(reasonOf(new PoolError.ConnectTimeout({ pool, after: 1 }))).toBe("Down")
    expect(reasonOf("whatever a connector fails with")).toBe("Down")
  })

  it("of a timeout is Down only where nothing is in use and openings fail", () => {
    expect(reasonOf(timeout(0, true))).toBe("Down")
    expect(reasonOf(timeout(0, false))).toBe("Busy")
    expect(reasonOf(timeout(2, true))).toBe("Busy")
    expect(reasonOf(timeout(2, false))).toBe("Busy")
  })
})

describe("Unavailable", () => {
  it.effect("says no more in its response than in its fields", () =>
    Effect.gen(function*() {
      const error = new RequestConnection.Unavailable({ reason: "Busy", retryAfter: 3 })
      const response = yield* error[HttpServerRespondable.symbol]()
      expect(response.status).toBe(503)
      expect(response.headers["retry-after"]).toBe("3")
      expect(error.message).toBe("All connections are in use. Ask again in 3 s.")
    }))
})
