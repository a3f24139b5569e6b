/** A contender whose pool is open, and full: each turn is the work of a case, in this process. */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Task } from "tinybench"
import { Bench } from "tinybench"
import { fill, fillPromises } from "../cases/loops.js"
import type { Contender, LoopCase, Point, Sample } from "../model.js"
import type { Entry } from "./protocol.js"
import type { Prepare, Subject } from "./subject.js"

/** Does the work once. */
type Run = () => Promise<void>

/** Of one sample, at least, in milliseconds: shorter work is done several times. */
const sampleTime = 10

/** Times one contender's work; microseconds an operation. */
class LoopSubject implements Subject {
  last = 0
  spent = 0
  private times = 1
  private cpu = 0
  private readonly task: Task

  constructor(readonly entry: Entry, private readonly operations: number, run: Run) {
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

const open = (
  { effect, name, promise, settings }: LoopCase,
  contender: Contender,
  point: Point
): Effect.Effect<Run, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const wanted = settings(point)
    const runtime = yield* Effect.runtime<never>()
    switch (contender._tag) {
      case "Effect": {
        const use = yield* contender.make(wanted)
        yield* fill(use, wanted.maxSize)
        const work = effect(use, point)
        return () => Runtime.runPromise(runtime)(work)
      }
      case "Promise": {
        const pool = yield* contender.make(wanted)
        yield* Effect.promise(() => fillPromises(pool, wanted.maxSize))
        return () => promise(pool, point)
      }
      case "Server":
        return yield* Effect.dieMessage(`Bug in the benchmarks: ${contender.name} cannot do ${name}`)
    }
  })

export const prepare = (work: LoopCase): Prepare => (contender, point) =>
  Effect.map(
    open(work, contender, point),
    (run) => new LoopSubject({ contender: contender.name, size: point.size }, point.operations, run)
  )
