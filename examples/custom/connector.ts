/** A connector of connections to something that is no database: threads, each of which does one task at a time. */
import * as Connector from "@cenote/core/Connector"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Worker } from "node:worker_threads"

export class TaskFailed extends Data.TaggedError("TaskFailed")<{ readonly message: string }> {}

export class ThreadLost extends Data.TaggedError("ThreadLost")<{ readonly code: number }> {
  override get message(): string {
    return `the thread ended with code ${this.code}`
  }
}

type Answer = { readonly value: unknown } | { readonly error: string }

/** A thread and the task that it is busy with. */
export class Thread {
  private exitCode: number | undefined = undefined
  private busy = false

  constructor(readonly worker: Worker) {
    worker.once("exit", (code) => {
      this.exitCode = code
    })
  }

  get isLost(): boolean {
    return this.exitCode !== undefined
  }

  /** A task that nobody waits for any more: its answer would be taken for the next one's. */
  get isBusy(): boolean {
    return this.busy
  }

  private run(request: { readonly task: "ping" | "prime"; readonly below?: number }) {
    return Effect.async<unknown, TaskFailed | ThreadLost>((resume) => {
      if (this.exitCode !== undefined) return resume(new ThreadLost({ code: this.exitCode }))
      const done = (effect: Effect.Effect<unknown, TaskFailed | ThreadLost>) => {
        this.worker.off("message", answered).off("exit", lost)
        resume(effect)
      }
      const answered = (answer: Answer) => {
        this.busy = false
        done("error" in answer ? new TaskFailed({ message: answer.error }) : Effect.succeed(answer.value))
      }
      const lost = (code: number) => done(new ThreadLost({ code }))
      this.busy = true
      this.worker.once("message", answered).once("exit", lost).postMessage(request)
      return Effect.sync(() => {
        this.worker.off("message", answered).off("exit", lost)
      })
    })
  }

  readonly ping = this.run({ task: "ping" })

  primeBelow(below: number): Effect.Effect<number, TaskFailed | ThreadLost> {
    return Effect.map(this.run({ task: "prime", below }), Number)
  }
}

/**
 * - `open` starts a thread, and the Scope ends it;
 * - `check` asks an idle one whether it is there;
 * - one whose task was interrupted is broken: it cannot be told to stop, so it is ended and another takes its place;
 * - `abort` ends it at once, whatever it does.
 */
export const connector: Connector.Connector<Thread, ThreadLost> = Connector.make({
  name: "threads",
  open: Effect.acquireRelease(
    Effect.async<Thread, ThreadLost>((resume) => {
      const worker = new Worker(new URL("./worker.mjs", import.meta.url))
      const thread = new Thread(worker)
      worker.once("online", () => resume(Effect.succeed(thread)))
      // What a thread dies of is told by its exit as well.
      worker.on("error", () => {}).once("exit", (code) => resume(new ThreadLost({ code })))
    }),
    ({ worker }) => Effect.promise(() => worker.terminate())
  ),
  check: (thread) => thread.ping,
  isBroken: (thread) => thread.isLost || thread.isBusy,
  onLost: (thread, lost) => thread.worker.once("exit", (code) => lost(`exit ${code}`)),
  abort: ({ worker }) => void worker.terminate()
})
