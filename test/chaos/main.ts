/** `pnpm chaos`: see `arguments.ts`. Exits 0 where every promise was kept, 1 where one was not, 2 where it was asked nonsense. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Presets, SingleBar } from "cli-progress"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { randomInt } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import * as Disk from "../support/disk.js"
import * as PgBouncer from "../support/pgbouncer.js"
import type { Arguments } from "./arguments.js"
import { parse, usage } from "./arguments.js"
import { databases } from "./databases/index.js"
import { writeTables } from "./document.js"
import { faultsOf, ofDisk } from "./faults/index.js"
import { broken, reasons, rows, table } from "./report.js"
import { run } from "./run.js"

const say = (line = ""): void => console.log(line)

/** As many as anybody reads. */
const mostProblems = 20

/** Shows the time and what goes on, until the Scope closes. */
const progress = (seconds: number) =>
  Effect.gen(function*() {
    const bar = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const bar = new SingleBar({
          format: "{bar} {duration_formatted}  {what}",
          stream: process.stdout,
          barsize: 30,
          hideCursor: true,
          noTTYOutput: true,
          notTTYSchedule: 10_000
        }, Presets.shades_classic)
        bar.start(seconds, 0, { what: "starts" })
        return bar
      }),
      (bar) => Effect.sync(() => bar.stop())
    )
    yield* Effect.forkScoped(Effect.forever(Effect.delay(
      Effect.sync(() => {
        // The last fault ends when it ends.
        if (bar.getProgress() < 1) bar.increment()
      }),
      "1 second"
    )))
    return (what: string) => bar.update({ what })
  })

const writeJson = (file: string, result: object) =>
  Effect.promise(async () => {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${JSON.stringify(result, null, 2)}\n`)
  })

const exitCodes = { kept: 0, broken: 1, impossible: 2 } as const

const chaos = (args: Arguments) =>
  Effect.gen(function*() {
    const seed = args.seed ?? randomInt(2 ** 31 - 1)
    if (args.database.startsWith("pgbouncer") && PgBouncer.notInstalled !== undefined) {
      console.error(PgBouncer.notInstalled)
      return exitCodes.impossible
    }
    const noDisk = yield* Disk.missing
    const asked = faultsOf[args.database].filter(({ name }) => args.fault === undefined || args.fault === name)
    const chosen = asked.filter((fault) => noDisk === undefined || !ofDisk.has(fault))
    if (noDisk !== undefined && chosen.length < asked.length) {
      console.error(`Without ${[...ofDisk].map(({ name }) => name).join(" and ")}. ${noDisk}`)
      if (chosen.length === 0) return exitCodes.impossible
    }
    say(
      `Of ${args.database}: seed ${seed}, ${args.minutes} minutes, ${chosen.length} ${
        chosen.length === 1 ? "fault" : "faults"
      }`
    )
    const result = yield* Effect.scoped(Effect.flatMap(progress(Math.ceil(args.minutes * 60)), (onFault) =>
      run({
        database: databases[args.database],
        seed,
        faults: chosen,
        hasDisk: chosen.some((fault) => ofDisk.has(fault)),
        millis: args.minutes * 60_000,
        onFault
      })))
    const all = rows(chosen, result)
    const problems = broken(result)
    const command = `pnpm chaos${
      args.database === "postgres" ? "" : ` --database ${args.database}`
    } --minutes ${args.minutes} --seed ${seed}${args.fault === undefined ? "" : ` --fault ${args.fault}`}`
    say(`\n${table(all)}\n`)
    for (const problem of problems.slice(0, mostProblems)) {
      say(`✘ ${problem}`)
    }
    if (problems.length > mostProblems) {
      say(`✘ and ${problems.length - mostProblems} more`)
    }
    say(
      problems.length === 0
        ? `Every promise was kept, in ${result.tally.calls} transfers.`
        : `\nAgain: ${command}`
    )
    const { findings, occurrences, samples } = result
    if (args.json !== undefined) {
      yield* writeJson(args.json, {
        database: args.database,
        seed,
        minutes: args.minutes,
        rows: all,
        occurrences,
        problems,
        findings,
        samples,
        reasons: reasons(result)
      })
    }
    if (args.docs && problems.length === 0) {
      yield* writeTables({ command, database: args.database, minutes: args.minutes, rows: all, samples })
    }
    return problems.length === 0 ? exitCodes.kept : exitCodes.broken
  })

const main = Effect.suspend(() => {
  const args = parse(process.argv.slice(2))
  if (Either.isLeft(args)) {
    console.error(args.left)
    return Effect.succeed(exitCodes.impossible)
  }
  if (args.right.help) {
    say(usage)
    return Effect.succeed(exitCodes.kept)
  }
  if (process.platform !== "linux") {
    console.error("pnpm chaos needs Linux: it finds the server's processes in /proc.")
    return Effect.succeed(exitCodes.impossible)
  }
  return Effect.catchTag(chaos(args.right), "MariadbMissing", ({ message }) =>
    Effect.sync(() => {
      console.error(`\n✘ ${message}`)
      return exitCodes.impossible
    }))
})

NodeRuntime.runMain(main, {
  disableErrorReporting: true,
  teardown: (exit, end) => {
    if (Exit.isSuccess(exit)) return end(exit.value as number)
    if (Cause.isInterruptedOnly(exit.cause)) return end(130)
    const error = Cause.squash(exit.cause)
    console.error(
      `\n✘ ${Cause.isFailure(exit.cause) && error instanceof Error ? error.message : Cause.pretty(exit.cause)}`
    )
    end(1)
  }
})
