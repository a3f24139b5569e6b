/**
 * Something happens to a request at each operation of its fiber, and of all fibers that work for it, one run for each. Nobody's statement
 * is ever in another's transaction or in none, what is committed is all of a request or nothing, and the pool is at rest afterwards.
 */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import { beforeEach, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Clients from "../../packages/sql-adapter/src/internal/client/client.js"
import { onePool } from "../../packages/sql-adapter/src/internal/client/dialect.js"
import { poolOf } from "../../packages/sql-adapter/src/internal/client/options.js"
import { TurnsOf } from "../../packages/sql-adapter/src/internal/client/Turns.js"
import type { Intervention, Operation } from "../interruption/sweep.js"
import { sweep } from "../interruption/sweep.js"
import type { Connection } from "./request/ledger.js"
import { connectorOf, dialect, Ledger } from "./request/ledger.js"

const makeClient = (ledger: Ledger) =>
  Effect.gen(function*() {
    const turns = new TurnsOf<Connection>()
    const pool = yield* poolOf(connectorOf(ledger), turns, { maxSize: 1, acquireTimeout: "1 hour" })
    const sql = yield* Clients.make({
      dialect,
      pools: onePool(pool),
      turns,
      transformRows: undefined,
      attributes: [],
      traceComments: false
    })
    return { pool, sql }
  })

type Response = HttpServerResponse.HttpServerResponse

interface Sample {
  readonly name: string
  /** What request "a" does. */
  readonly handler: (sql: Clients.Client) => Effect.Effect<Response, unknown>
  /** All that it does where it is committed. Daemons of its may have done something as well. */
  readonly all: ReadonlyArray<string>
  readonly commit?: Ledger["commit"]
}

/** Somebody else, at the same time. */
const stranger = (sql: Clients.Client) =>
  Effect.forEach([1, 2], (n) => sql.withTransaction(Effect.zipRight(sql.unsafe(`b ${n}`), sql.unsafe(`b ${n}${n}`))))

const run = ({ all, commit = "Done", handler }: Sample): Operation["run"] => ({ aim }) =>
  Effect.gen(function*() {
    const ledger = new Ledger()
    const scope = yield* Scope.make()
    const { pool, sql } = yield* Effect.provide(Scope.extend(makeClient(ledger), scope), Reactivity.layer)
    ledger.commit = commit
    const other = yield* Effect.forkDaemon(Effect.delay(stranger(sql), 1))
    const request = RequestTransaction.middleware()(handler(sql))
    const exit = yield* aim.on(Effect.provideService(request, SqlClient.SqlClient, sql))
    yield* Effect.sleep("10 minutes")
    const { checking, leased, opening, resetting, waiting } = yield* pool.stats
    const served = commit === "Failed" || Exit.isSuccess(yield* Fiber.await(other))
    yield* Scope.close(scope, Exit.void)
    const own = ledger.committed.filter(([first]) => first?.startsWith("a") === true)
    const isWhole = own.every((done) => all.every((sql) => done.includes(sql)))
    const isKept = Exit.isSuccess(exit) && exit.value.status < 400
    return [
      ...ledger.problems,
      ...Object.entries({ checking, leased, opening, resetting, waiting }).flatMap(([what, n]) =>
        n === 0 ? [] : [`${n} ${what} at rest`]
      ),
      ...served ? [] : ["the stranger was not served"],
      ...isWhole && own.length <= 1 ? [] : [`committed: ${JSON.stringify(own)}`],
      ...isKept && own.length === 0 && all.length > 0 ? ["a success was not committed"] : [],
      ...Exit.isSuccess(exit) && !isKept && own.length > 0 ? ["what was refused was committed"] : []
    ]
  })

const ok = HttpServerResponse.empty()

const samples: ReadonlyArray<Sample> = [
  {
    name: "a request of two statements",
    handler: (sql) => Effect.as(Effect.zipRight(sql.unsafe("a 1"), sql.unsafe("a 2")), ok),
    all: ["a 1", "a 2"]
  },
  {
    name: "a request that is answered with 400",
    handler: (sql) => Effect.as(sql.unsafe("a 1"), HttpServerResponse.empty({ status: 400 })),
    all: []
  },
  {
    name: "a request whose COMMIT fails",
    handler: (sql) => Effect.as(sql.unsafe("a 1"), ok),
    all: [],
    commit: "Failed"
  },
  {
    name: "a request of two fibers that ask at once",
    handler: (sql) =>
      Effect.forEach([1, 2], (n) => Effect.fork(sql.unsafe(`a ${n}`))).pipe(
        Effect.flatMap((fibers) => Effect.forEach(fibers, Fiber.join)),
        Effect.as(ok)
      ),
    all: ["a 1", "a 2"]
  },
  {
    name: "a request with a savepoint",
    handler: (sql) => Effect.as(Effect.zipRight(sql.unsafe("a 1"), sql.withTransaction(sql.unsafe("a 2"))), ok),
    all: ["a 1", "a 2"]
  },
  {
    name: "a request that leaves a daemon behind with a savepoint",
    handler: (sql) =>
      Effect.forkDaemon(sql.withTransaction(Effect.zipRight(sql.unsafe("a 8"), Effect.delay(sql.unsafe("a 9"), 5))))
        .pipe(
          Effect.zipRight(sql.unsafe("a 1")),
          Effect.as(ok)
        ),
    all: ["a 1"]
  },
  {
    name: "a request that leaves a daemon behind with statements",
    handler: (sql) =>
      Effect.forkDaemon(Effect.forEach([5, 6, 7, 8], (n) => sql.unsafe(`a ${n}`))).pipe(
        Effect.zipRight(sql.unsafe("a 1")),
        Effect.as(ok)
      ),
    all: ["a 1"]
  }
]

/** And at every which step. */
const outcomes: ReadonlyArray<readonly [Intervention, string, number]> = [
  ["interrupt", "keeps its promises when it is interrupted, at any step", 1],
  [
    "interrupt while paused",
    "keeps its promises when it is interrupted while somebody stands still, at every fourth step",
    4
  ],
  ["pause for long", "keeps its promises when somebody stands still for long, at every seventh step", 7]
]

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

for (const sample of samples) {
  const operation: Operation = { name: sample.name, run: run(sample) }
  describe(sample.name, () => {
    for (const [intervention, outcome, every] of outcomes) {
      it(outcome, { timeout: 120_000 }, () => {
        const { problems, steps } = sweep(operation, intervention, { every })
        expect(problems.slice(0, 10)).toEqual([])
        expect(steps).toBeGreaterThan(50)
      })
    }
  })
}

describe("where every fiber yields after each operation, an interruption breaks nothing:", () => {
  for (const sample of samples) {
    it(sample.name, { timeout: 120_000 }, () => {
      const { problems, steps } = sweep({ name: sample.name, run: run(sample) }, "interrupt", { every: 61, maxOps: 1 })
      expect(problems.slice(0, 10)).toEqual([])
      expect(steps).toBeGreaterThan(50)
    })
  }
})
