/** `pnpm simulate`: see `arguments.ts`. Exits 0 where no promise was broken, 1 where one was, 2 where it was asked nonsense. */
import { Presets, SingleBar } from "cli-progress"
import * as Either from "effect/Either"
import { randomInt } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { between } from "../support/page.js"
import type { Arguments } from "./arguments.js"
import { parse, usage } from "./arguments.js"
import { bundle, rotten } from "./bundle.js"
import type { Outcome } from "./crew.js"
import { runSeeds, shrinkIn } from "./crew.js"
import { explore } from "./exhaustive.js"
import { mutants } from "./mutants/index.js"
import type { Mutant } from "./mutants/mutant.js"
import { runScenario } from "./run.js"
import { draw } from "./scenario.js"
import type { Failure } from "./worker.js"

const say = (line = ""): void => console.log(line)

const seconds = (since: number): number => (performance.now() - since) / 1000

const writeJson = async ({ json }: Arguments, result: object): Promise<void> => {
  if (json === undefined) return
  await mkdir(dirname(json), { recursive: true })
  await writeFile(json, `${JSON.stringify(result, null, 2)}\n`)
}

/** As it can be given to a colleague: what was done, what went wrong, what happened. */
const printShortest = async (file: string, failure: Failure): Promise<void> => {
  const { problems, scenario, trace, tried } = await shrinkIn(file, failure)
  say(`\nThe shortest that was found, in ${tried} runs:`)
  const { parts, ...settings } = scenario
  say(`  ${JSON.stringify(settings)}`)
  for (const part of parts) say(`  ${JSON.stringify(part)}`)
  say(`\n${trace.join("\n")}\n`)
  for (const problem of problems) say(`✘ ${problem.split("\n")[0]}`)
}

const progress = (label: string, total: number): SingleBar => {
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total}  {duration_formatted}  {failed} failed`,
    stream: process.stdout,
    barsize: 30,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 10_000
  }, Presets.shades_classic)
  bar.start(total, 0, { failed: 0 })
  return bar
}

const line = ({ problems, seed }: Failure): string => `✘ seed ${seed}: ${problems[0]!.split("\n")[0]}`

const simulate = async (args: Arguments): Promise<boolean> => {
  const { profile, workers } = args
  const seeds = args.seeds ?? 10_000
  const from = args.fresh ? randomInt(1, 2 ** 31 - 1 - seeds) : args.from
  const file = await bundle()
  say(`Seeds ${from} to ${from + seeds - 1}${profile === undefined ? "" : `, profile ${profile}`}, ${workers} threads`)
  const began = performance.now()
  const bar = progress("Schedules", seeds)
  let failed = 0
  const onProgress = (done: number, more: ReadonlyArray<Failure>) => {
    failed += more.length
    bar.update(done, { failed })
    // At once, so that somebody can look into it while the others run.
    for (const failure of more) say(`\n${line(failure)}`)
  }
  const { crashes, failures, ran } = await runSeeds({
    file,
    from,
    seeds,
    profile,
    workers,
    stopsAtFailure: false,
    onProgress
  })
  bar.stop()
  const took = seconds(began)
  const rate = ran / took
  say(`${ran} schedules in ${took.toFixed(0)} s, ${rate.toFixed(0)} a second; ${failures.length} failed`)
  for (const { message, seed } of crashes) say(`✘ seed ${seed}: the thread died: ${message}`)
  if (failures.length > 0) {
    await printShortest(file, failures[0]!)
    say(`\nAgain: pnpm simulate --seed ${failures[0]!.seed}${profile === undefined ? "" : ` --profile ${profile}`}`)
  }
  await writeJson(args, { from, seeds, profile, ran, seconds: took, rate, failures, crashes })
  return failures.length + crashes.length === 0 && ran === seeds
}

const replay = async (args: Arguments, seed: number): Promise<boolean> => {
  const scenario = draw(seed, args.profile)
  const { problems, trace } = runScenario(scenario)
  say(JSON.stringify(scenario, null, 2))
  say(`\n${trace.join("\n")}\n`)
  say(problems.length === 0 ? "No promise was broken." : problems.map((problem) => `✘ ${problem}`).join("\n"))
  await writeJson(args, { seed, scenario, problems, trace })
  return problems.length === 0
}

/** A mutant that so many seeds do not find fails the command. */
const MOST_SEEDS = 100_000

const firstFound = (
  { crashes, failures }: Outcome
): { readonly seed: number; readonly problem: string } | undefined => {
  const found = [
    ...failures.map(({ problems, seed }) => ({ seed, problem: problems[0]!.split("\n")[0]! })),
    ...crashes.map(({ message, seed }) => ({ seed, problem: `the thread died: ${message}` }))
  ]
  return found.sort((a, b) => a.seed - b.seed)[0]
}

const find = async (args: Arguments, mutant: Mutant) => {
  const file = await bundle(mutant)
  const outcome = await runSeeds({
    file,
    from: args.from,
    seeds: args.seeds ?? MOST_SEEDS,
    profile: args.profile ?? mutant.profile,
    workers: args.workers,
    stopsAtFailure: true,
    onProgress: () => {}
  })
  return { file, outcome, found: firstFound(outcome) }
}

interface Row {
  readonly name: string
  readonly file: string
  readonly after: number | undefined
  readonly problem: string | undefined
}

const page = new URL("../../docs/verification.md", import.meta.url)

/** Puts the table of the mutants between its marks. */
const writeTable = async (rows: ReadonlyArray<Row>): Promise<void> => {
  const cell = (text: string) => text.replaceAll("|", "\\|")
  const table = [
    "| planted bug | in | found after seeds | by |",
    "|---|---|---:|---|",
    ...rows.map(({ after, file, name, problem }) =>
      `| ${name} | \`${file}\` | ${after ?? "not found"} | ${cell(problem?.slice(0, 90) ?? "")} |`
    )
  ].join("\n")
  const text = await readFile(page, "utf8")
  await writeFile(page, between("mutants", table)(text))
}

const findAll = async (args: Arguments): Promise<boolean> => {
  const problems = await rotten(mutants)
  for (const problem of problems) say(`✘ ${problem}\n`)
  if (problems.length > 0) return false
  const table: Array<Row> = []
  let survivors = 0
  for (const mutant of mutants) {
    const { found, outcome } = await find(args, mutant)
    const after = found === undefined ? undefined : found.seed - args.from + 1
    if (found === undefined) survivors++
    say(
      found === undefined
        ? `✘ ${mutant.name}: not found in ${outcome.ran} seeds`
        : `✔ ${mutant.name}: after ${after} ${after === 1 ? "seed" : "seeds"}: ${found.problem}`
    )
    table.push({ name: mutant.name, file: mutant.file, after, problem: found?.problem })
  }
  say(`\n${mutants.length - survivors} of ${mutants.length} mutants were found`)
  await writeJson(args, { from: args.from, mutants: table })
  if (args.docs) await writeTable(table)
  return survivors === 0
}

const findOne = async (args: Arguments, name: string): Promise<boolean> => {
  const mutant = mutants.find((mutant) => mutant.name === name)
  if (mutant === undefined) {
    say(`There is no mutant "${name}". There are:\n${mutants.map(({ name }) => `  ${name}`).join("\n")}`)
    process.exitCode = 2
    return false
  }
  const { file, outcome: { crashes, failures, ran } } = await find(args, mutant)
  for (const { message, seed } of crashes) say(`seed ${seed}: the thread died: ${message}`)
  if (failures.length > 0) await printShortest(file, failures[0]!)
  if (failures.length + crashes.length === 0) say(`not found in ${ran} seeds`)
  return failures.length + crashes.length > 0
}

const exhaust = async (args: Arguments): Promise<boolean> => {
  const limits = { callers: 3, faults: 1, operations: 1, depth: args.depth }
  const began = performance.now()
  const { inputs, problem, reached, states, transitions } = explore(limits)
  say(
    `A pool of 2 connections, ${limits.callers} callers, at most ${limits.faults} fault and ${limits.operations} operation, every sequence of up to ${args.depth} inputs:`
  )
  say(
    `${states} states, ${transitions} transitions, in ${seconds(began).toFixed(0)} s; by depth: ${reached.join(", ")}`
  )
  say(`inputs tried: ${Object.entries(inputs).map(([name, times]) => `${name} ${times}`).join(", ")}`)
  say(
    problem === undefined
      ? "No promise was broken, and from every state there is a way to rest."
      : `✘ ${problem.problems.join("; ")}\n${problem.sequence.join("\n")}`
  )
  await writeJson(args, { ...limits, states, transitions, reached, inputs, problem })
  return problem === undefined
}

const run = (args: Arguments): Promise<boolean> =>
  args.exhaustive
    ? exhaust(args)
    : args.mutant !== undefined
    ? findOne(args, args.mutant)
    : args.mutants
    ? findAll(args)
    : args.seed !== undefined
    ? replay(args, args.seed)
    : simulate(args)

const args = parse(process.argv.slice(2))
if (Either.isLeft(args)) {
  console.error(args.left)
  process.exitCode = 2
} else if (args.right.help) {
  say(usage)
} else if (!await run(args.right)) {
  process.exitCode ??= 1
}
