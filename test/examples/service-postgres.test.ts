/** The application of examples/service on a PostgreSQL server, over real HTTP. */
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import { expect, layer, vi } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { GracefulServer } from "../../examples/graceful/GracefulServer.js"
import { Bank } from "../../examples/service/api.js"
import { Db } from "../../examples/service/connection.js"
import type { AccountId } from "../../examples/service/domain.js"
import * as BankPostgres from "../../examples/service/postgres.js"
import { serve } from "../../examples/service/serve.js"
import { until } from "../sql-adapter/harness.js"
import { layer as postgres, Postgres } from "../support/postgres.js"

// Reports of many rows are read. On a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 })

const maxSize = 10

/** The application as it is in production, on a port of its own, until the Scope closes. */
const application = Layer.unwrapEffect(Effect.map(Postgres, ({ url }) =>
  serve({ port: 0 }).pipe(
    Layer.provideMerge(BankPostgres.layer({ url, maxSize })),
    // An outage is told to the log, and one is made.
    Layer.provide(Logger.minimumLogLevel(LogLevel.None))
  )))

const tables = Layer.effectDiscard(Effect.flatMap(Postgres, ({ url }) => BankPostgres.createTables(url)))

const clients = Layer.merge(tables, NodeHttpClient.layer)

const bank = Effect.flatMap(
  HttpServer.addressFormattedWith(Effect.succeed),
  (baseUrl) => HttpApiClient.make(Bank, { baseUrl })
)

/** The request ends with the Scope, read or not. */
const get = (path: string) =>
  Effect.gen(function*() {
    const url = yield* HttpServer.addressFormattedWith(Effect.succeed)
    return yield* HttpClient.withScope(yield* HttpClient.HttpClient).get(`${url}${path}`)
  })

const open = (balance: number) =>
  Effect.flatMap(
    bank,
    ({ accounts }) => Effect.map(accounts.open({ payload: { owner: "Ada", balance } }), ({ id }) => id)
  )

const balanceOf = (id: AccountId) =>
  Effect.flatMap(bank, ({ accounts }) => Effect.map(accounts.find({ path: { id } }), ({ balance }) => balance))

const transfer = (from: AccountId, to: AccountId, amount: number) =>
  Effect.flatMap(bank, ({ transfers }) => transfers.make({ payload: { from, to, amount } }))

const administer = (sql: string) => Effect.flatMap(Postgres, ({ query }) => query(sql))

const leasedIs = (count: number) =>
  until(`${count} connections are leased`, Effect.map(Db.stats, ({ leased }) => leased === count))

/** A response that is read piece by piece, as the test says. */
const lines = (path: string) =>
  Effect.gen(function*() {
    const response = yield* get(path)
    expect(response.status).toBe(200)
    return yield* Stream.toPull(response.stream.pipe(Stream.decodeText(), Stream.splitLines))
  })

/** How many lines are left, and the last of them. */
const toTheEnd = <E>(pull: Effect.Effect<Chunk.Chunk<string>, Option.Option<E>>) =>
  Effect.gen(function*() {
    let read = 0
    let last = ""
    yield* pull.pipe(
      Effect.tap((chunk) =>
        Effect.sync(() => {
          read += Chunk.size(chunk)
          last = Chunk.unsafeLast(chunk)
        })
      ),
      Effect.forever,
      Effect.catchAll(Option.match({ onNone: () => Effect.void, onSome: Effect.fail }))
    )
    return { read, last }
  })

const data = (line: string) => JSON.parse(line.replace(/^data: /, ""))

/** The next event of an event stream. */
const nextEvent = (path: string) =>
  Effect.gen(function*() {
    const pull = yield* Effect.flatMap(get(path), ({ stream }) =>
      Stream.toPull(stream.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.filter((line) => line.startsWith("data: ")),
        Stream.rechunk(1)
      )))
    return Effect.map(pull, (chunk) => data(Chunk.unsafeHead(chunk)))
  })

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("The application, on PostgreSQL", (it) => {
  it.layer(clients)((it) => {
    it.scoped("moves money and loses none, however many ask at once", () =>
      Effect.gen(function*() {
        const ids = yield* Effect.replicateEffect(open(1_000), 5)
        const asked = yield* Effect.forEach(
          Array.from({ length: 200 }, (_, number) => number),
          (number) =>
            Effect.either(transfer(ids[number % 5]!, ids[(number * 3 + 1 + number % 4) % 5]!, 1 + number * 7 % 400)),
          { concurrency: "unbounded" }
        )
        const made = asked.filter(({ _tag }) => _tag === "Right").length
        expect(made).toBeGreaterThan(0)
        const balances = yield* Effect.forEach(ids, balanceOf)
        expect(balances.reduce((sum, balance) => sum + balance)).toBe(5_000)
        expect((yield* administer("select count(*)::int as count from entry"))[0]).toEqual({ count: made })
        expect((yield* Db.stats).opened).toBeLessThanOrEqual(maxSize)
        yield* leasedIs(0)
      }).pipe(Effect.provide(application)))

    it.scoped("undoes a transfer that cannot be finished", () =>
      Effect.gen(function*() {
        const ada = yield* open(100)
        const nobody = 1_000_000 as AccountId
        // The withdrawal was done already when there was nobody to deposit it with.
        expect(yield* Effect.flip(transfer(ada, nobody, 70))).toMatchObject({ _tag: "UnknownAccount", id: nobody })
        expect(yield* balanceOf(ada)).toBe(100)
        expect(yield* Effect.flip(transfer(ada, yield* open(0), 101))).toMatchObject({
          _tag: "InsufficientFunds",
          id: ada
        })
        expect(yield* balanceOf(ada)).toBe(100)
      }).pipe(Effect.provide(application)))

    it.scoped("undoes a transfer whose client goes away in the middle, and stops its statement", () =>
      Effect.gen(function*() {
        const ada = yield* open(100)
        const ben = yield* open(0)
        const { url } = yield* Postgres
        const other = yield* PgConnector.make({ url }).open
        const locked = yield* Scope.make()
        yield* Effect.forkIn(
          other.withTransaction(Effect.zipRight(
            other.query("update account set balance = balance where id = $1", [ben]),
            Scope.extend(Effect.never, locked)
          )),
          locked
        )
        const blocked = (count: number) =>
          until(
            `${count} wait for a lock`,
            Effect.map(
              administer("select pid from pg_stat_activity where wait_event_type = 'Lock'"),
              (rows) => rows.length === count
            )
          )
        yield* until(
          "the account is locked",
          Effect.map(
            administer("select 1 from pg_stat_activity where state = 'idle in transaction'"),
            (rows) => rows.length === 1
          )
        )

        const asked = yield* Effect.fork(transfer(ada, ben, 70))
        yield* blocked(1)
        yield* Fiber.interrupt(asked)
        yield* blocked(0)
        yield* leasedIs(0)
        yield* Scope.close(locked, Exit.void)
        expect(yield* balanceOf(ada)).toBe(100)
      }).pipe(Effect.provide(application)))

    it.scoped("says 503 while the server is down, and answers when it is back", () =>
      Effect.gen(function*() {
        const ada = yield* open(100)
        const server = yield* Postgres
        yield* server.stop
        const answer = yield* get(`/accounts/${ada}`)
        expect(answer.status).toBe(503)
        expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
        expect(yield* answer.json).toMatchObject({ _tag: "Unavailable", reason: "Down" })

        yield* server.start
        yield* until("it answers", Effect.scoped(Effect.map(get(`/accounts/${ada}`), ({ status }) => status === 200)))
        expect(yield* balanceOf(ada)).toBe(100)
      }).pipe(Effect.provide(application)))

    it.scoped("50 event streams hold none of 10 connections, and end when the service is told to stop", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(application, scope)
        yield* Effect.gen(function*() {
          const ada = yield* open(100)
          const ben = yield* open(0)
          const server = yield* GracefulServer
          const events = yield* Effect.replicateEffect(nextEvent(`/accounts/${ben}/events`), 50)
          // Each has asked the database once already: for its first event.
          for (const event of yield* Effect.all(events, { concurrency: "unbounded" })) {
            expect(event).toEqual({ id: ben, owner: "Ada", balance: 0 })
          }
          yield* leasedIs(0)

          const entry = yield* transfer(ada, ben, 70)
          for (const event of yield* Effect.all(events, { concurrency: "unbounded" })) {
            expect(event).toEqual({ number: entry.number, from: ada, to: ben, amount: 70 })
          }

          // It stops at once, and not at its deadline.
          const ends = yield* Effect.fork(Effect.all(events.map(Effect.flip), { concurrency: "unbounded" }))
          yield* Effect.fork(Scope.close(scope, Exit.void))
          expect(yield* server.stopped).toMatchObject({ underWay: 50, finished: 50, cut: 0, left: 0 })
          // The ends of streams that were read whole.
          expect(yield* Fiber.join(ends)).toEqual(events.map(() => Option.none()))
        }).pipe(Effect.provide(context))
      }))

    it.scoped("a report that a client is slow to read is held up with it, and holds no connection", () =>
      Effect.gen(function*() {
        yield* manyEntries
        const pull = yield* lines("/report")
        const first = Chunk.size(yield* pull)
        yield* leasedIs(0)
        const asked = yield* heldUp
        // Not all of the pages are asked for yet.
        expect(asked).toBeLessThan(rows / 500 / 2)

        const { last, read } = yield* toTheEnd(pull)
        expect(JSON.parse(last)).toEqual({ count: first + read - 1 })
        expect(first + read - 1).toBeGreaterThanOrEqual(rows)
        yield* leasedIs(0)
      }).pipe(Effect.provide(application)))

    it.scoped("a snapshot keeps its connection until its last row, or until its client has gone", () =>
      Effect.gen(function*() {
        yield* manyEntries
        const reader = yield* Scope.make()
        const pull = yield* Scope.extend(lines("/report/snapshot"), reader)
        yield* pull
        yield* heldUp
        yield* leasedIs(1)
        yield* Scope.close(reader, Exit.void)
        yield* leasedIs(0)

        const { last, read } = yield* toTheEnd(yield* lines("/report/snapshot"))
        expect(JSON.parse(last)).toEqual({ count: read - 1 })
        expect(read - 1).toBeGreaterThanOrEqual(rows)
        yield* leasedIs(0)
      }).pipe(Effect.provide(application)))
  })
})

const rows = 300_000

/** More than what fits into the buffers between the database and a client. */
const manyEntries = Effect.gen(function*() {
  const [{ count }] = (yield* administer("select count(*)::int as count from entry")) as [{ count: number }]
  if (count >= rows) return
  const [from, to] = yield* Effect.all([open(0), open(0)])
  yield* administer(
    // As a replica does it: without looking up the accounts.
    `set session_replication_role = replica;
     insert into entry ("from", "to", amount) select ${from}, ${to}, 100000000 - number from generate_series(1, ${rows}) as number`
  )
})

/** Waits until the application asks its pool for nothing more. Says how often it has. */
const heldUp = Effect.gen(function*() {
  let seen = -1
  let turns = 0
  while (turns < 40) {
    const { requests } = yield* Effect.delay(Db.stats, 5)
    turns = requests === seen ? turns + 1 : 0
    seen = requests
  }
  return seen
})
