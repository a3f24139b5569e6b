/** What a process leaves on its server by the way in which it ends: each row of the table in docs/process-end.md, cell by cell. */
import { expect, layer, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { readFileSync } from "node:fs"
import { until } from "../sql-adapter/harness.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import type { Program } from "../support/program.js"
import { start } from "../support/program.js"
import * as Proxy from "../support/proxy.js"

// Each starts a process. On a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 })

const columns = [
  "exit",
  "finalizers",
  "committed",
  "sessions at once",
  "sessions after 1 s",
  "open transactions after 1 s"
] as const

type Row = Record<(typeof columns)[number], string>

/** The table, by its first column. */
const table = new Map(
  readFileSync(new URL("../../docs/process-end.md", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    // There is another table, of the server's settings.
    .filter((cells) => cells.length === columns.length + 1)
    .map(([name, ...cells]) =>
      [name!, Object.fromEntries(columns.map((column, index) => [column, cells[index]])) as Row] as const
    )
)

interface Scenario {
  readonly mode: "main" | "fail" | "stuck" | "bare" | "exit"
  /** Brings the end about. */
  readonly end: (program: Program, sessions: Effect.Effect<number>) => Effect.Effect<void>
  readonly settings?: Record<string, string>
  readonly shutdownTimeout?: string
  /** Whether the server loses sight of it before. */
  readonly isCutOff?: boolean
  /** When it is looked at once more. Default: after a second. */
  readonly later?: Duration.DurationInput
  /** Within how many milliseconds the pool must have closed, and not before. */
  readonly closes?: readonly [least: number, most: number]
}

const signal = (...signals: ReadonlyArray<NodeJS.Signals>): Scenario["end"] => (program) =>
  Effect.forEach(signals, program.signal, { discard: true })

/** The second one when only the lease that never comes back is left. */
const twice: Scenario["end"] = (program, sessions) =>
  program.signal("SIGINT").pipe(
    Effect.zipRight(until("one session is left", Effect.map(sessions, (count) => count === 1))),
    Effect.zipRight(program.signal("SIGINT"))
  )

const timeouts = {
  statement_timeout: "2000",
  idle_in_transaction_session_timeout: "2000",
  idle_session_timeout: "2000"
}

const scenarios: Record<string, Scenario> = {
  "SIGTERM, `runMain`": { mode: "main", end: signal("SIGTERM"), closes: [0, 5_000] },
  "SIGINT, `runMain`": { mode: "main", end: signal("SIGINT"), closes: [0, 5_000] },
  "SIGTERM, `runMain`, a lease that never comes back": {
    mode: "stuck",
    end: signal("SIGTERM"),
    shutdownTimeout: "1 second",
    closes: [990, 6_000]
  },
  "SIGINT twice, `runMain`, a lease that never comes back": { mode: "stuck", end: twice },
  "a defect of the main Effect, `runMain`": { mode: "fail", end: signal("SIGUSR2"), closes: [0, 5_000] },
  "an uncaught exception, `runMain`": { mode: "main", end: signal("SIGUSR1") },
  "an unhandled rejection, `runMain`": { mode: "main", end: signal("SIGUSR2") },
  "SIGTERM, no handler": { mode: "bare", end: signal("SIGTERM") },
  "SIGTERM, a handler that calls `process.exit(3)`": { mode: "exit", end: signal("SIGTERM") },
  "SIGKILL": { mode: "main", end: signal("SIGKILL") },
  "SIGKILL, the server looks for its client": {
    mode: "main",
    end: signal("SIGKILL"),
    settings: { client_connection_check_interval: "200" }
  },
  "SIGKILL, and the server does not hear of it": { mode: "main", end: signal("SIGKILL"), isCutOff: true },
  "SIGKILL, the server does not hear of it and has timeouts of 2 s (after 5 s)": {
    mode: "main",
    end: signal("SIGKILL"),
    isCutOff: true,
    settings: timeouts,
    later: "5 seconds"
  }
}

/** "0", or "1 to 5". */
const expectWithin = (cell: string, measured: number) => {
  const [least, most = least] = cell.split(" to ").map(Number)
  expect(measured).toBeGreaterThanOrEqual(least!)
  expect(measured).toBeLessThanOrEqual(most!)
}

const run = (name: string, scenario: Scenario) =>
  Effect.gen(function*() {
    const { closes, end, isCutOff, later = "1 second", mode, settings = {}, shutdownTimeout = "20 seconds" } = scenario
    const server = yield* Postgres
    const applicationName = `end-${Object.keys(scenarios).indexOf(name)}`
    const proxy = yield* Proxy.make(server)
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(" ")
    const program = yield* start("test/end/program.ts", [mode, applicationName, options, shutdownTimeout], {
      PGHOST: proxy.host,
      PGPORT: String(isCutOff === true ? proxy.port : server.port),
      PGUSER: server.user,
      PGDATABASE: server.database,
      PGPASSWORD: Redacted.value(server.password)
    })

    const look = Effect.map(
      Effect.orDie(server.query(
        `select count(*)::int as sessions, count(xact_start)::int as transactions,
          count(*) filter (where state = 'active' and query like '%pg_sleep%')::int as sleeping,
          count(*) filter (where state = 'idle in transaction' and query like '%insert%')::int as thinking
        from pg_stat_activity where application_name = $1`,
        [applicationName]
      )),
      ([row]) => row as { sessions: number; transactions: number; sleeping: number; thinking: number }
    )
    // A process takes its time to start: what bounds it is the test's own timeout.
    yield* Effect.repeat(look, {
      until: ({ sessions, sleeping, thinking, transactions }) =>
        program.end() === undefined
          ? Effect.succeed(
            sessions === 5 && sleeping === (mode === "stuck" ? 2 : 1) && thinking === 2 && transactions >= 3
          )
          : Effect.dieMessage(`It has ended by itself: ${program.output()}`),
      schedule: Schedule.spaced("20 millis")
    })
    if (isCutOff === true) proxy.setMode(Proxy.blackHole)
    yield* end(program, Effect.map(look, ({ sessions }) => sessions))
    const exit = yield* program.ended
    const atOnce = yield* look
    yield* Effect.sleep(later)
    const left = yield* look
    const committed = yield* server.query("select what from journal where run = $1", [applicationName])
    yield* server.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", [
      applicationName
    ])

    const row = table.get(name)!
    const output = program.output()
    expect(String(exit), output).toBe(row.exit)
    expectWithin(row["sessions at once"], atOnce.sessions)
    expectWithin(row["sessions after 1 s"], left.sessions)
    expectWithin(row["open transactions after 1 s"], left.transactions)
    expect(committed.map(({ what }) => what)).toEqual(row.committed === "nothing" ? [] : ["finishing"])
    const closed = /closed in (\d+) ms/.exec(output)?.[1]
    const finalizers = closed !== undefined ? "run" : output.includes("released") ? "cut short" : "no"
    expect(finalizers, output).toBe(row.finalizers)
    if (closes !== undefined) {
      expect(output).toMatch(/released\nclosed/)
      expect(Number(closed)).toBeGreaterThanOrEqual(closes[0])
      expect(Number(closed)).toBeLessThan(closes[1])
    }
  })

const withJournal = Layer.tap(
  postgres(),
  (context) => Context.get(context, Postgres).query("create table journal (run text, what text)")
)

layer(withJournal, { excludeTestServices: true, timeout: 60_000 })("A process ends by", (it) => {
  it("exactly what the table names", () => {
    expect([...table.keys()].slice(1)).toEqual(Object.keys(scenarios))
  })

  for (const [name, scenario] of Object.entries(scenarios)) {
    it.scoped(name, () => run(name, scenario), { concurrent: true, timeout: 60_000 })
  }
})
