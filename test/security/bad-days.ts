/** A pool through its good and its bad days, with all that it shows meanwhile in a Search. For any database. */
import type * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import type { Tuning } from "@cenote/core/PoolOptions"
import type * as Reactivity from "@effect/experimental/Reactivity"
import type * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionOptions } from "node:tls"
import { strangeServer, until } from "../sql-adapter/harness.js"
import { freePort } from "../support/postgres.js"
import * as Console from "./console.js"
import type { Search } from "./Search.js"
import { password } from "./Search.js"

interface Connection {
  readonly query: (sql: string, params?: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
}

/** Where to connect. */
interface Place {
  readonly host?: string
  readonly port?: number
  readonly password?: Redacted.Redacted
  readonly url?: Redacted.Redacted
  readonly setup?: ReadonlyArray<string>
  readonly ssl?: ConnectionOptions
}

/** The right place, but for what another one says. A URL alone says it all. */
export const at = <P extends Place>(
  right: P,
  place: Place | Effect.Effect<Place, unknown>
): Place | Effect.Effect<Place, unknown> =>
  Effect.isEffect(place)
    ? Effect.map(place, (place) => ({ ...right, ...place }))
    : place.url === undefined
    ? { ...right, ...place }
    : place

type Client<C> = SqlClient.SqlClient & { readonly pool: ConnectionPool.ConnectionPool<C, unknown> }

export interface Database<C extends Connection> {
  /** With the right password, unless the place says something else. */
  readonly make: (
    tuning: Partial<Omit<Tuning, "startup" | "concurrency">>,
    place?: Place | Effect.Effect<Place, unknown>
  ) => Effect.Effect<Client<C>, unknown, Scope.Scope | Reactivity.Reactivity>
  /** Where the user's password is this one. */
  readonly urlWith: (password: string) => string
  /** The connector of the right place. */
  readonly connector: unknown
  /** Waits for so many seconds. */
  readonly sleep: (seconds: number) => string
  readonly endSession: (connection: C) => Effect.Effect<void, unknown>
}

/** What it says of itself. */
const look = (search: Search, place: string, client: Client<any>) =>
  Effect.gen(function*() {
    search.add(`${place}: client`, client)
    search.add(`${place}: pool`, client.pool)
    search.add(`${place}: stats`, yield* client.pool.stats)
    search.add(`${place}: health`, yield* client.pool.health)
    search.add(`${place}: leases`, yield* client.pool.leases)
  })

const consoleOf = <C extends Connection>(search: Search, place: string, { pool }: Client<C>) =>
  Console.make(search, place, pool, pool.use((connection) => connection.query("select nothing")))

/** Each event as it comes, and as what it would be in a log. */
const follow = (search: Search, { pool }: Client<any>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkScoped(Stream.runForEach(pool.events, (event) =>
      Effect.zipRight(
        Effect.sync(() => search.add(`event ${event._tag}`, event)),
        Effect.logTrace(event)
      )))
    yield* Effect.yieldNow()
    return fiber
  })

const work = <C extends Connection>(search: Search, database: Database<C>) =>
  Effect.gen(function*() {
    const client = yield* database.make({
      maxSize: 2,
      acquireTimeout: "2 seconds",
      leakThreshold: "20 millis",
      leakTracing: true
    })
    const events = yield* follow(search, client)
    const console = yield* consoleOf(search, "a pool at work", client)
    yield* PoolMetrics.register(client.pool, { name: "searched" })
    search.add("rows", yield* client`select 1 as one`)
    search.add("rows", yield* client.withTransaction(client`select 2 as two`))
    yield* Effect.scoped(Effect.gen(function*() {
      const lease = yield* client.pool.lease()
      search.add("lease", lease)
      search.add("connection", lease.connection)
      search.add("reserved", yield* client.reserve)
      yield* look(search, "while all are leased", client)
      yield* search.failure("AcquireTimeout", client`select 3`)
      yield* search.failure("AcquireTimeout, of the pool", client.pool.use(() => Effect.void))
      yield* until("the leak is reported", Effect.sync(() => search.looked.has("event LeaseOverdue")))
      yield* client.pool.suspend({ newcomers: "refuse" })
      yield* search.failure("PoolRefused", client.pool.use(() => Effect.void))
      yield* client.pool.resume
    }))
    yield* search.failure("a query that is wrong", client`select nothing`)
    yield* search.failure("a query that is wrong, of a connection", client.pool.use((c) => c.query("select nothing")))
    yield* search.failure("a transaction that is wrong", client.withTransaction(client`select nothing`))
    yield* search.failure("a defect", client.pool.use(() => Effect.die(new Error("a fault of the user"))))
    yield* search.failure("an error of the user's own", client.pool.use((connection) => Effect.fail({ connection })))
    yield* search.failure(
      "a session that is ended",
      client.pool.use((connection) =>
        Effect.zipRight(
          Effect.forkDaemon(Effect.delay(database.endSession(connection), "50 millis")),
          connection.query(database.sleep(600))
        )
      )
    )
    yield* search.failure(
      "an interrupted query",
      Effect.flatMap(Effect.fork(client.unsafe(database.sleep(600))), (fiber) =>
        Effect.zipRight(Effect.delay(Fiber.interruptFork(fiber), "50 millis"), Fiber.join(fiber)))
    )
    yield* client.pool.resize({ maxSize: 3 })
    yield* client.pool.recycle({ within: 0 })
    yield* client.pool.clear({ abortLeases: true })
    yield* look(search, "afterwards", client)
    yield* console.look
    search.add("metrics", yield* Metric.snapshot)
    yield* client.pool.close({ deadline: "1 second" })
    yield* search.failure("PoolClosed", client`select 1`)
    yield* Fiber.join(events)
    search.add("connector", database.connector)
  })

const refused = <C extends Connection>(search: Search, database: Database<C>) =>
  Effect.gen(function*() {
    const silent = yield* strangeServer(() => {})
    const cut = yield* strangeServer((socket) => socket.destroy())
    const nobody = yield* Effect.orDie(freePort)
    const wrong = Redacted.make(`${password} is wrong`)
    const places: Record<string, Place | Effect.Effect<Place, unknown>> = {
      "a wrong password": { password: wrong },
      "a wrong password in a URL": { url: Redacted.make(database.urlWith(encodeURIComponent(`${password} is wrong`))) },
      "a wrong password of an Effect": Effect.succeed({ password: wrong }),
      "a URL that is none": { url: Redacted.make(database.urlWith(password)) },
      "a URL of another kind": { url: Redacted.make(`https://app:${password}@db.example.org`) },
      "a password that is not redacted": { password: password as never },
      "a URL that is not redacted": { url: database.urlWith(password) as never },
      "options that cannot be had": Effect.fail("the vault is closed"),
      "an unknown host": { host: "no-such-host.invalid" },
      "a server that is away": { port: nobody },
      "a server that never answers": { port: silent.port },
      "a server that hangs up": { port: cut.port },
      "TLS where there is none, with a key": { ssl: { key: password, passphrase: password, pfx: password } },
      "a setup that fails": { setup: ["select nothing"] }
    }
    yield* Effect.forEach(Object.entries(places), ([name, place]) =>
      Effect.scoped(Effect.gen(function*() {
        const client = yield* database.make({ connectTimeout: "300 millis", acquireTimeout: "5 seconds" }, place)
        yield* follow(search, client)
        const console = yield* consoleOf(search, name, client)
        yield* search.failure(name, client`select 1`)
        yield* search.failure(`${name}, of the pool`, client.pool.use(() => Effect.void))
        yield* look(search, name, client)
        yield* console.look
      })))
    yield* search.failure("options that cannot be", Effect.scoped(database.make({ maxSize: -1, name: "" })))
  })

/** All of it. In spans, and in the logs of all levels. */
export const badDays = <C extends Connection>(search: Search, database: Database<C>) =>
  Effect.gen(function*() {
    yield* Effect.withSpan(Effect.withLogSpan(work(search, database), "work"), "work")
    yield* Effect.withSpan(refused(search, database), "refused")
  }).pipe(Effect.provide(search.layer), Effect.scoped)

/** The places without which a search has not looked. */
const places = [
  "AcquireTimeout",
  "a wrong password",
  "a server that is away, of the pool",
  "a defect",
  "while all are leased: leases",
  "metrics",
  "lease",
  "log as JSON",
  "console /metrics of a pool at work",
  "console /pools/db/server of a wrong password",
  "events of the console of a pool at work",
  "event LeaseOverdue",
  "event ConnectionOpenFailed",
  "event AcquireFailed",
  "event ConnectionLost",
  "event PoolClosed",
  "span cenote.acquire",
  "end of span sql.execute"
]

export const expectLooked = (search: Search): void => {
  expect(places.filter((place) => !search.looked.has(place))).toEqual([])
}
