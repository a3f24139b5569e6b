/** Worker threads that share the seeds among them. */
import { Worker } from "node:worker_threads"
import type { Profile } from "./stage.js"
import type { Answer, Failure, Order } from "./worker.js"

/** How many seeds a thread runs between two reports. */
const CHUNK = 50

/** A thread that has not answered for so long is taken to run for ever, in milliseconds. */
const LONGEST = 40_000

class Thread {
  private readonly current = new Int32Array(new SharedArrayBuffer(4))
  private readonly worker: Worker

  constructor(file: string) {
    this.worker = new Worker(file, { workerData: this.current })
  }

  /** Fails where the thread dies, or does not answer. */
  ask<T extends Answer["_tag"]>(order: Order): Promise<Extract<Answer, { _tag: T }>> {
    return new Promise((resolve, reject) => {
      const watchdog = setTimeout(() => done(() => reject(new Error("it runs for ever"))), LONGEST)
      const onError = (error: unknown) => done(() => reject(error as Error))
      const onMessage = (answer: Extract<Answer, { _tag: T }>) => done(() => resolve(answer))
      const done = (then: () => void) => {
        clearTimeout(watchdog)
        this.worker.off("error", onError).off("message", onMessage)
        then()
      }
      this.worker.once("error", onError).once("message", onMessage)
      this.worker.postMessage(order)
    })
  }

  /** The seed that it is at, or was at when it died. */
  get seed(): number {
    return Atomics.load(this.current, 0)
  }

  end(): Promise<unknown> {
    return this.worker.terminate()
  }
}

export interface Job {
  readonly file: string
  readonly from: number
  readonly seeds: number
  readonly profile: Profile | undefined
  readonly workers: number
  /** Whether no more is begun once a seed has failed. */
  readonly stopsAtFailure: boolean
  /** Told after each report of a thread, with what failed in it. */
  readonly onProgress: (done: number, failed: ReadonlyArray<Failure>) => void
}

export interface Crash {
  readonly seed: number
  readonly message: string
}

export interface Outcome {
  readonly ran: number
  /** In order of the seeds. */
  readonly failures: ReadonlyArray<Failure>
  readonly crashes: ReadonlyArray<Crash>
}

/** Runs the seeds. */
export const runSeeds = async (job: Job): Promise<Outcome> => {
  const failures: Array<Failure> = []
  const crashes: Array<Crash> = []
  const end = job.from + job.seeds
  let next = job.from
  let ran = 0
  const work = async () => {
    const thread = new Thread(job.file)
    try {
      while (next < end && !(job.stopsAtFailure && failures.length + crashes.length > 0)) {
        const first = next
        const count = Math.min(CHUNK, end - first)
        next += count
        const { profile, stopsAtFailure } = job
        const answer = await thread.ask<"Ran">({ _tag: "Run", first, count, profile, stopsAtFailure })
        ran += count
        failures.push(...answer.failures)
        job.onProgress(ran, answer.failures)
      }
    } catch (error) {
      crashes.push({ seed: thread.seed, message: error instanceof Error ? error.message : String(error) })
    } finally {
      await thread.end()
    }
  }
  await Promise.all(Array.from({ length: job.workers }, work))
  return { ran, failures: failures.sort((a, b) => a.seed - b.seed), crashes }
}

/** Makes a failing seed's scenario as small as it goes. */
export const shrinkIn = async (file: string, { scenario }: Failure): Promise<Extract<Answer, { _tag: "Shrunk" }>> => {
  const thread = new Thread(file)
  try {
    return await thread.ask<"Shrunk">({ _tag: "Shrink", scenario })
  } finally {
    await thread.end()
  }
}
