/** The application of examples/service with no database and no server, in virtual time. */
import { Unavailable } from "@cenote/core/RequestConnection"
import { FakeConnector } from "@cenote/core/testing"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Accounts } from "../../examples/service/accounts.js"
import { Bank } from "../../examples/service/api.js"
import { Db, RequestDb } from "../../examples/service/connection.js"
import type { AccountId } from "../../examples/service/domain.js"
import { InsufficientFunds, Transfer, UnknownAccount } from "../../examples/service/domain.js"
import { Events } from "../../examples/service/events.js"
import * as FakeBank from "../../examples/service/fake.js"
import { Transfers } from "../../examples/service/transfers.js"
import * as InProcess from "./inProcess.js"

const ada = 1 as AccountId
const ben = 2 as AccountId
const nobody = 99 as AccountId

/** The services alone. `RequestDb.provide` is what the middleware does for a request. */
const services = Layer.mergeAll(Accounts.Default, Transfers.Default).pipe(
  Layer.provideMerge(Events.Default),
  Layer.provideMerge(FakeBank.layer({ maxSize: 1 }))
)

/** The application, all of it but for the server. */
const application = InProcess.layer.pipe(Layer.provideMerge(FakeBank.layer({ maxSize: 1 })))

const bank = HttpApiClient.make(Bank, { baseUrl: InProcess.url })

const get = (path: string) => Effect.flatMap(HttpClient.HttpClient, (client) => client.get(`${InProcess.url}${path}`))

const answerOf = (response: HttpClientResponse) =>
  Effect.map(response.text, (text) => ({
    status: response.status,
    retryAfter: response.headers["retry-after"],
    body: text
  }))

const openTwo = Effect.gen(function*() {
  const { accounts } = yield* bank
  yield* accounts.open({ payload: { owner: "Ada", balance: 100 } })
  yield* accounts.open({ payload: { owner: "Ben", balance: 0 } })
})

const balanceOf = (id: AccountId) =>
  Effect.flatMap(bank, ({ accounts }) => Effect.map(accounts.find({ path: { id } }), ({ balance }) => balance))

const transfer = (from: AccountId, to: AccountId, amount: number) =>
  Effect.flatMap(bank, ({ transfers }) => transfers.make({ payload: { from, to, amount } }))

/** The first connection dies while nobody uses it, and the pool hears of it. */
const loseConnection = Effect.zipRight(
  Effect.flatMap(FakeBank.Fake, ({ server }) => server.kill(0)),
  TestClock.adjust(0)
)

const leased = Effect.map(Db.stats, ({ leased }) => leased)

describe("The services, on a fake server", () => {
  it.effect("a transfer uses one connection, whoever asks for it", () =>
    Effect.gen(function*() {
      const accounts = yield* Accounts
      const transfers = yield* Transfers
      yield* RequestDb.provide(Effect.gen(function*() {
        yield* accounts.open({ owner: "Ada", balance: 100 })
        yield* accounts.open({ owner: "Ben", balance: 0 })
      }))
      const { requests } = yield* Db.stats

      const entry = yield* RequestDb.provide(transfers.make(new Transfer({ from: ada, to: ben, amount: 70 })))
      expect(entry.number).toBe(1)
      expect((yield* Db.stats).requests).toBe(requests + 1)
      expect(yield* leased).toBe(0)
    }).pipe(Effect.provide(services)))

  it.effect("fail with types: what the database has to say, and that there is none", () =>
    Effect.gen(function*() {
      const accounts = yield* Accounts
      const transfers = yield* Transfers
      const { server } = yield* FakeBank.Fake
      yield* RequestDb.provide(accounts.open({ owner: "Ada", balance: 10 }))
      const make = (transfer: Transfer) => Effect.flip(RequestDb.provide(transfers.make(transfer)))

      expect(yield* make(new Transfer({ from: ada, to: nobody, amount: 5 }))).toEqual(
        new UnknownAccount({ id: nobody })
      )
      expect(yield* make(new Transfer({ from: ada, to: nobody, amount: 11 }))).toEqual(
        new InsufficientFunds({ id: ada })
      )
      expect((yield* RequestDb.provide(accounts.find(ada))).balance).toBe(10)

      yield* server.set("open", FakeConnector.fail("the server is down"))
      yield* loseConnection
      const failure = yield* make(new Transfer({ from: ada, to: ben, amount: 5 }))
      expect(failure).toBeInstanceOf(Unavailable)
      expect(failure).toMatchObject({ reason: "Down" })
    }).pipe(Effect.provide(services)))
})

describe("The application, on a fake server", () => {
  it.effect("says 503 in an outage, when to ask again and nothing of why, and answers when it is over", () => {
    const log: Array<string> = []
    const logger = Logger.replace(Logger.defaultLogger, Logger.map(Logger.logfmtLogger, (line) => void log.push(line)))
    return Effect.gen(function*() {
      yield* openTwo
      const { server } = yield* FakeBank.Fake
      yield* server.set("open", FakeConnector.fail("10.0.0.7 does not answer"))
      yield* loseConnection

      const { body, retryAfter, status } = yield* Effect.flatMap(get("/accounts/1"), answerOf)
      expect(status).toBe(503)
      expect(Number(retryAfter)).toBeGreaterThan(0)
      expect(JSON.parse(body)).toEqual({ _tag: "Unavailable", reason: "Down", retryAfter: Number(retryAfter) })
      expect(log.join("\n")).toContain("10.0.0.7 does not answer")

      // As often as clients are told to ask.
      yield* TestClock.adjust(`${Number(retryAfter)} seconds`)
      expect((yield* Effect.flatMap(get("/accounts/1"), answerOf)).status).toBe(503)

      yield* server.set("open", FakeConnector.ok)
      yield* TestClock.adjust("5 seconds")
      expect(yield* balanceOf(ada)).toBe(100)
      expect((yield* server.counts).alive).toBe(1)
    }).pipe(Effect.provide(application), Effect.provide(logger))
  })

  it.effect("says 503 to who has waited for 30 seconds, and 200 to who asks when the connection is free again", () =>
    Effect.gen(function*() {
      yield* openTwo
      const { holdAt } = yield* FakeBank.Fake
      const gate = yield* FakeConnector.makeGate
      yield* holdAt(gate)
      const slow = yield* Effect.fork(transfer(ada, ben, 70))
      yield* gate.reached

      const waiting = yield* Effect.fork(Effect.flatMap(get("/accounts/1"), answerOf))
      yield* TestClock.adjust("29 seconds")
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      expect((yield* Db.stats).waiting).toBe(1)
      yield* TestClock.adjust("1 second")
      const answer = yield* Fiber.join(waiting)
      expect(answer.status).toBe(503)
      expect(JSON.parse(answer.body)).toMatchObject({ _tag: "Unavailable", reason: "Busy" })

      yield* gate.open
      expect((yield* Fiber.join(slow)).number).toBe(1)
      expect(yield* balanceOf(ben)).toBe(70)
      expect(yield* leased).toBe(0)
    }).pipe(Effect.provide(application)))

  it.effect("undoes a transfer whose connection dies in the middle, and goes on with another one", () =>
    Effect.gen(function*() {
      yield* openTwo
      const { holdAt, server } = yield* FakeBank.Fake
      const gate = yield* FakeConnector.makeGate
      yield* holdAt(gate)
      const made = yield* Effect.fork(Effect.flip(transfer(ada, ben, 70)))
      yield* gate.reached
      yield* server.kill(0)
      yield* gate.open

      expect(yield* Fiber.join(made)).toMatchObject({ _tag: "ConnectionLost" })
      expect(yield* balanceOf(ada)).toBe(100)
      expect((yield* server.counts).opened).toBe(2)
    }).pipe(Effect.provide(application)))

  it.effect("tells a client by its status what is wrong with a request", () =>
    Effect.gen(function*() {
      yield* openTwo
      const statusOf = (path: string) => Effect.map(get(path), ({ status }) => status)
      expect(yield* statusOf("/accounts/99")).toBe(404)
      expect(yield* statusOf("/accounts/one")).toBe(400)
      expect(yield* statusOf("/accounts/99/events")).toBe(404)
      expect(yield* Effect.flip(transfer(ada, nobody, 5))).toMatchObject({ _tag: "UnknownAccount", id: nobody })
      expect(yield* Effect.flip(transfer(ada, ben, 101))).toMatchObject({ _tag: "InsufficientFunds", id: ada })
      expect(yield* balanceOf(ada)).toBe(100)
    }).pipe(Effect.provide(application)))

  it.effect("tells who listens of a transfer, and holds nothing while nothing happens", () =>
    Effect.gen(function*() {
      yield* openTwo
      const response = yield* get(`/accounts/${ben}/events`)
      const events = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.filter((line) => line.startsWith("data: ")),
        Stream.tap(() => Effect.map(leased, (leased) => expect(leased).toBe(0))),
        Stream.map((line) => JSON.parse(line.slice("data: ".length))),
        // The only connection is free for it.
        Stream.tap((event) => event.balance === 0 ? transfer(ada, ben, 70) : Effect.void),
        Stream.take(2),
        Stream.runCollect
      )
      expect([...events]).toEqual([{ id: 2, owner: "Ben", balance: 0 }, { number: 1, from: 1, to: 2, amount: 70 }])
    }).pipe(Effect.provide(application), Effect.scoped))

  it.effect("reports every row, and how many they were", () =>
    Effect.gen(function*() {
      yield* openTwo
      yield* Effect.repeatN(transfer(ada, ben, 1), 29)
      const { report } = yield* bank
      const rows = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line))
      expect(rows(yield* report.rows())).toHaveLength(31)
      expect(rows(yield* report.rows()).at(-1)).toEqual({ count: 30 })
      expect(rows(yield* report.snapshot())).toEqual(rows(yield* report.rows()))
      expect(yield* leased).toBe(0)
    }).pipe(Effect.provide(application)))
})
