/**
 * The time of each contender, in rounds: in a round everybody does the work of a case once, in an order that is drawn anew.
 * What disturbs the machine then disturbs all of them, and the samples of one round can be compared.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { shuffle } from "simple-statistics"
import { Bench } from "tinybench"
import type { Task } from "tinybench"
import type { Case, Contender, Sample } from "../model.js"
import type { Effort, Entry, Message } from "./protocol.js"
import type { Run } from "./subject.js"
import { prepare } from "./subject.js"

type Tell = (message: Message) => Effect.Effect<void>

/** Of one sample, at least, in milliseconds: shorter work is done several times. */
const sampleTime = 10

/** Times one contender's work; microseconds an operation. */
class Subject {
  times = 1
  /** Milliseconds: of the last sample, and of all since it was set. */
  last = 0
  spent = 0
  private cpu = 0
  private readonly task: Task

  constructor(readonly entry: Entry, readonly operations: number, run: Run) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true, throws: true })
    bench.add(
      "sample",
      async () => {
        for (let i = 0; i < this.times; i++) await run()
      },
      {
        async: true,
        beforeEach: () => {
          // One contender's young garbage is not the next one's time. A full collection would cost everybody compiled code.
          globalThis.gc?.({ type: "minor" })
          this.cpu = cpu()
        },
        afterEach: () => {
          this.cpu = cpu() - this.cpu
        }
      }
    )
    this.task = bench.getTask("sample") as Task
  }

  readonly sample = (round: number): Effect.Effect<Sample, unknown> =>
    Effect.tryPromise({
      try: async () => {
        this.task.reset()
        const { result } = await this.task.run()
        if (result.state !== "completed") throw new Error(`The benchmark ended as ${result.state}`)
        this.last = result.totalTime
        this.spent += result.totalTime
        const done = this.times * this.operations
        return { round, wall: result.totalTime * 1000 / done, cpu: this.cpu / done }
      },
      catch: (error) => error
    })

  calibrate({ wall }: Sample): void {
    this.times = Math.min(100, Math.max(1, Math.ceil(sampleTime * 1000 / (wall * this.operations))))
  }
}

const cpu = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** Opens everybody, and lets each do the work once, smaller sizes first. Who fails at one is not tried at larger ones. */
const tryAll = (work: Case, contenders: ReadonlyArray<Contender>, entries: ReadonlyArray<Entry>, tell: Tell) =>
  Effect.gen(function*() {
    const failed = new Set<string>()
    const subjects: Array<Subject> = []
    for (const entry of entries) {
      const contender = contenders.find(({ name }) => name === entry.contender)
      const point = work.points.find(({ size }) => size === entry.size)
      if (contender === undefined || point === undefined) {
        return yield* Effect.dieMessage(`Bug in the benchmarks: no ${entry.contender} at ${entry.size}`)
      }
      if (failed.has(entry.contender)) continue
      yield* tell({ _tag: "Trying", ...entry })
      const tried = yield* prepare(work, contender, point).pipe(
        Effect.map((run) => new Subject(entry, point.operations, run)),
        Effect.tap((subject) => subject.sample(0)),
        Effect.either
      )
      if (tried._tag === "Left") {
        failed.add(entry.contender)
        yield* tell({ _tag: "Failed", why: reason(tried.left), ...entry })
      } else {
        subjects.push(tried.right)
        yield* tell({ _tag: "Ready", ...entry })
      }
    }
    return subjects
  })

/** In one line. Effect's own errors carry what was thrown as their cause, and so do the benchmark's. */
const reason = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error
    ? reason(error.cause)
    : `failed: ${String(error instanceof Error ? error.message : error).split("\n", 1)[0]}`

/** Until it is compiled. */
const warm = (subject: Subject, milliseconds: number): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    while (subject.spent < milliseconds) {
      subject.calibrate(yield* subject.sample(0))
    }
  })

/** A round, or a turn, that takes so long is not repeated without need. In milliseconds. */
const long = 1000

export const time = (
  work: Case,
  contenders: ReadonlyArray<Contender>,
  entries: ReadonlyArray<Entry>,
  { fewestRounds, mostRounds, processes, seconds, warmUpMilliseconds }: Effort,
  tell: Tell
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    let subjects = yield* tryAll(work, contenders, entries, tell)
    const take = (turn: (subject: Subject) => Effect.Effect<void, unknown>) => (subject: Subject) =>
      Effect.zipRight(tell({ _tag: "Trying", ...subject.entry }), turn(subject)).pipe(
        Effect.catchAll((error) => {
          subjects = subjects.filter((other) => other !== subject)
          return tell({ _tag: "Failed", why: reason(error), ...subject.entry })
        })
      )
    yield* Effect.forEach(subjects, take((subject) => warm(subject, warmUpMilliseconds)), { discard: true })
    yield* tell({ _tag: "Warm" })

    const fewest = (subject: Subject) => subject.last > long ? Math.min(3, fewestRounds) : fewestRounds / processes
    // Who is slow has had its share of the time sooner, and has fewer rounds.
    const share = 2 * seconds * 1000 / processes / subjects.length
    for (const subject of subjects) subject.spent = 0
    for (let round = 0; round < mostRounds; round++) {
      const next = subjects.filter((subject) => round < fewest(subject) || subject.spent < share)
      const isOver = subjects.reduce((sum, { spent }) => sum + spent, 0) > seconds * 1000 / processes
      if (next.length === 0 || (isOver && next.every((subject) => round >= fewest(subject)))) return
      const sample = (subject: Subject) =>
        Effect.flatMap(subject.sample(round), (sample) => tell({ _tag: "Timed", sample, ...subject.entry }))
      yield* Effect.forEach(shuffle(next), take(sample), { discard: true })
    }
  })
