/** One run: a server, the way to it, a pool, callers, faults; then the reckoning. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Proxy from "../support/proxy.js"
import { uncaught } from "../support/uncaught.js"
import * as bank from "./bank.js"
import type { Database, ServerError } from "./databases/database.js"
import type { Fault, World } from "./faults/fault.js"
import type { Sample } from "./flat.js"
import { growing } from "./flat.js"
import type { Finding } from "./judge.js"
import { judge } from "./judge.js"
import * as Resources from "./resources.js"
import { atRest, ends, isGone, isSettled } from "./rest.js"
import * as Tally from "./tally.js"
import type { Occurrence } from "./timeline.js"
import { isRecovered, rounds, run as strike } from "./timeline.js"
import * as Http from "./ways/http.js"
import * as Sql from "./ways/sql.js"
import type { Way } from "./ways/way.js"
import type { Ended } from "./workload.js"
import * as Workload from "./workload.js"

export interface Plan {
  readonly database: Database
  readonly seed: number
  readonly millis: number
  readonly faults: ReadonlyArray<Fault>
  /** Whether the server has a disk that can be full. */
  readonly hasDisk: boolean
  /** What goes on now. */
  readonly onFault: (name: string) => void
}

export interface Result {
  readonly tally: Tally.Tally
  readonly occurrences: ReadonlyArray<Occurrence>
  readonly findings: ReadonlyArray<Finding>
  /** Broken promises besides the findings, as sentences. */
  readonly problems: ReadonlyArray<string>
  /** One at the end of each chapter. */
  readonly samples: ReadonlyArray<Sample>
}

/** Milliseconds of faults after which the books are read. */
const chapterLength = 60_000

/** Megabytes: the log, and room for the rest. */
const diskSize = 512

/** A server, and the way to it. */
const build = ({ database, hasDisk }: Plan): Effect.Effect<World, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const root = yield* Effect.scope
    const scope = yield* Scope.fork(root, ExecutionStrategy.sequential)
    const server = yield* Scope.extend(database.make(hasDisk ? diskSize : undefined), scope)
    const front = yield* database.front(server)
    return {
      database,
      server,
      scope,
      root,
      front,
      proxy: yield* Proxy.make(front._tag === "PgBouncer" ? front.bouncer : server),
      secret: { current: bank.newPassword() }
    }
  })

const uncaughtSentence = (error: unknown): string => `Uncaught: ${error instanceof Error ? error.stack : error}`

const unexpected = (calls: ReadonlyArray<Ended>): ReadonlyArray<string> =>
  calls.flatMap(({ id, outcome, period, way }) =>
    outcome._tag === "Unexpected" ? [`Transfer ${id} (${way}, ${period}) ended with ${outcome.what}`] : []
  )

const late = (occurrences: ReadonlyArray<Occurrence>): ReadonlyArray<string> =>
  occurrences.filter((occurrence) => !isRecovered(occurrence)).map(({ at, bound, fault, recovery }) =>
    `${fault} (at ${(at / 1000).toFixed(1)} s) was felt for ${
      recovery === undefined ? "ever" : `${recovery} ms`
    } after its end; its bound is ${bound} ms.`
  )

/** What goes on from chapter to chapter. */
interface Book {
  readonly world: World
  readonly pool: ConnectionPool<any, any>
  readonly ways: Effect.Effect<ReadonlyArray<Way>, never, Scope.Scope>
  readonly newId: () => number
  /** Which fault is next. A round goes on in the next chapter. */
  readonly next: Effect.Effect<Fault>
  readonly began: number
}

/** Callers and faults for a minute; then, when all is at rest, what they were told beside what is in the books. */
const chapter = (
  { began, newId, next, pool, ways, world }: Book,
  { millis, onFault, seed }: Plan,
  number: number,
  opening: bank.Balances
) =>
  Effect.gen(function*() {
    const from = yield* Clock.currentTimeMillis
    const isOver = Effect.map(
      Clock.currentTimeMillis,
      (now) => now - from >= chapterLength || now - began >= millis
    )
    const { calls, occurrences, unended } = yield* Effect.scoped(Effect.gen(function*() {
      const workload = yield* Workload.start(yield* ways, `${seed} ${number}`, newId)
      const occurrences = yield* Effect.withRandom(
        strike(world, workload, next, began, isOver, onFault),
        Random.make(`${seed} ${number}`)
      )
      const unended = yield* ends("A call", workload.stop)
      return { occurrences, unended, calls: workload.calls }
    }))
    // Of what the last fault has killed and the pool has given up since, the server has not been told either.
    world.proxy.reap()
    const unrest = yield* atRest(pool)
    const unsettled = yield* isSettled(world.database, world.server)
    const ended = yield* calls
    const books = yield* bank.books(world.server, opening)
    yield* bank.turnPage(world.server)
    return {
      occurrences,
      calls: ended,
      findings: judge(ended, books),
      closing: books.balances,
      broken: [...unended, ...unrest, ...unsettled, ...unexpected(ended)]
    }
  })

/** Chapter after chapter, until the time is over, or something is broken that the next one would only inherit. */
const chapters = (book: Book, plan: Plan) =>
  Effect.gen(function*() {
    let opening = bank.opening
    let tally = Tally.empty
    const occurrences: Array<Occurrence> = []
    const findings: Array<Finding> = []
    const problems: Array<string> = []
    const samples: Array<Sample> = []
    const isReadable = () =>
      problems.length === 0 && findings.length === 0 && occurrences.every(({ recovery }) => recovery !== undefined)
    for (let number = 0; isReadable(); number++) {
      if ((yield* Clock.currentTimeMillis) - book.began >= plan.millis) break
      const written = yield* chapter(book, plan, number, opening)
      opening = written.closing
      tally = Tally.add(tally, written.calls, written.findings)
      occurrences.push(...written.occurrences)
      findings.push(...written.findings)
      problems.push(...written.broken)
      const resources = yield* Resources.now
      const { idle } = yield* book.pool.stats
      samples.push({ at: (yield* Clock.currentTimeMillis) - book.began, connections: idle, ...resources })
    }
    return { tally, occurrences, findings, problems: [...problems, ...late(occurrences), ...growing(samples)], samples }
  })

export const run = (plan: Plan): Effect.Effect<Result, ServerError> =>
  Effect.gen(function*() {
    const errors = yield* uncaught
    const world = yield* build(plan)
    const { database, proxy, secret } = world
    yield* bank.open(database, world.server, secret.current)

    const poolScope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const { pool, sql } = yield* Scope.extend(database.client(proxy, () => secret.current), poolScope)
    const service = yield* Http.serve(sql)
    let lastId = 0
    const result = yield* chapters({
      world,
      pool,
      ways: Effect.map(service.way, (http) => [Sql.make(sql), http]),
      newId: () => ++lastId,
      next: rounds(plan.faults),
      began: yield* Clock.currentTimeMillis
    }, plan)

    const unclosed = yield* ends("The close of the pool", Scope.close(poolScope, Exit.void))
    proxy.reap()
    const sessions = yield* isGone(world)
    return { ...result, problems: [...result.problems, ...unclosed, ...sessions, ...errors.map(uncaughtSentence)] }
  }).pipe(Effect.scoped, Resources.counted, Logger.withMinimumLogLevel(LogLevel.None))
