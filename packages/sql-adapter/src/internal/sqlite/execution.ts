import type { Timer } from "../timer.js"
import type { NativeDatabase, NativeStatement } from "./driver.js"
import { end } from "./driver.js"
import { isBusy, isInterruption, isLocked } from "./failure.js"
import type { Work } from "./job.js"
import { Reading } from "./reading.js"
import type { Counts, Prepared, Statements } from "./statements.js"

/** In milliseconds. */
export interface Limits {
  readonly busyTimeout: number
  readonly statementTimeout: number | undefined
}

/** Why nothing more is done for a job: nobody waits for it any more, or it took longer than `statementTimeout`. */
export type Stop = "left" | "late"

/** What came of it: `error` is what the driver threw. */
export type Outcome =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Failed"; readonly error: unknown }
  | { readonly _tag: "Stopped"; readonly stop: Stop }

/** `counts` is there if it may have changed something. */
export interface Report {
  readonly outcome: Outcome
  readonly counts: Counts | undefined
}

/**
 * What is done for it.
 *
 * - `Preparing`: the driver has the connection's lock, for which an interruption would wait on the event loop.
 * - `Stepping`: SQLite runs, on one of the driver's threads.
 * - `Waiting`: for a lock that somebody else has. `wake` ends it.
 * - `Reading`: the rows, on the event loop.
 */
type Phase =
  | { readonly _tag: "Preparing" }
  | { readonly _tag: "Stepping" }
  | { readonly _tag: "Waiting"; readonly wake: () => void }
  | { readonly _tag: "Reading" }

const done: Outcome = { _tag: "Done" }
const preparing: Phase = { _tag: "Preparing" }
const stepping: Phase = { _tag: "Stepping" }
const reading: Phase = { _tag: "Reading" }

/** How long to wait before the lock is asked for again: SQLite's own way. */
const delays = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50]
const longestDelay = 100

/** How long between two interruptions, at most. */
const longestPause = 50

/** Until it is made a text, an error's stack refers to what its functions were called on: to rows, which keep the file open. */
const detached = (error: unknown): unknown => {
  if (error instanceof Error) String(error.stack)
  return error
}

/** What the driver does for one job, until it does nothing for it any more. */
export class Execution {
  private phase: Phase = preparing
  private stopped: Stop | undefined
  private stopTimers: Array<() => void> = []
  private writes = false
  /** Was refused a lock. It has begun all the same, and would keep the next transaction from its end. */
  private refused: NativeStatement | undefined

  constructor(
    readonly work: Work,
    private readonly native: NativeDatabase,
    private readonly statements: Statements,
    private readonly limits: Limits,
    private readonly after: Timer,
    private readonly now: () => number
  ) {}

  get doing(): Phase["_tag"] {
    return this.phase._tag
  }

  /** `waits` says whether waiting for a lock can help. Never rejects. */
  async run(waits: boolean): Promise<Report> {
    const { statementTimeout } = this.limits
    if (statementTimeout !== undefined && this.work.whenLeft === "interrupt") {
      this.stopTimers.push(this.after(statementTimeout, () => this.stop("late")))
    }
    const outcome = await this.perform(waits)
    this.endTimers()
    if (this.refused !== undefined) end(this.native, this.refused, "interrupted")
    const isPlain = outcome._tag === "Done" && this.stopped === undefined && !this.writes
    // This takes a step, after which SQLite has forgotten an interruption that hit nothing.
    return { outcome, counts: isPlain ? undefined : await this.statements.count().catch(() => undefined) }
  }

  /** What the driver does for it is to end soon. */
  stop(why: Stop): void {
    this.stopped ??= why
    switch (this.phase._tag) {
      case "Waiting":
        return this.phase.wake()
      case "Stepping":
        return this.interrupt(1)
      // It looks by itself.
      case "Preparing":
      case "Reading":
        return
    }
  }

  /** One that comes before the first step has begun is lost, so it is repeated until the step has ended. */
  private interrupt(pause: number): void {
    if (this.phase !== stepping || this.work.call.statement.isExplained) return
    this.native.interrupt()
    this.stopTimers.push(this.after(pause, () => this.interrupt(Math.min(pause * 2, longestPause))))
  }

  private endTimers(): void {
    for (const stopTimer of this.stopTimers) stopTimer()
    this.stopTimers = []
  }

  private async perform(waits: boolean): Promise<Outcome> {
    let opened: Reading | undefined
    try {
      opened = await this.begin(waits)
      if (opened !== undefined && (this.stopped === undefined || opened.isComplete)) {
        if (this.work.way === "stepped") this.endTimers()
        await this.work.use(opened, () => this.stopped !== undefined)
      }
      return this.stopped === undefined || opened?.isEnded ? done : { _tag: "Stopped", stop: this.stopped }
    } catch (error) {
      return this.stopped !== undefined && isInterruption(error)
        ? { _tag: "Stopped", stop: this.stopped }
        : { _tag: "Failed", error: detached(error) }
    } finally {
      opened?.close()
    }
  }

  /** Asks for the lock again as long as that can help: a statement that did not get it has done nothing. */
  private async begin(waits: boolean): Promise<Reading | undefined> {
    const deadline = this.now() + this.limits.busyTimeout
    for (let attempt = 0; this.stopped === undefined; attempt++) {
      try {
        return await this.step()
      } catch (error) {
        const left = deadline - this.now()
        if (!waits || left <= 0 || !isLocked(error)) throw error
        if (this.stopped === undefined) await this.pause(Math.min(delays[attempt] ?? longestDelay, left))
      }
    }
    return undefined
  }

  private pause(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const stopTimer = this.after(millis, resolve)
      this.phase = {
        _tag: "Waiting",
        wake: () => {
          stopTimer()
          resolve()
        }
      }
    })
  }

  /** The first step, and the first rows, in which its failure shows. */
  private async step(): Promise<Reading | undefined> {
    const { call, firstRows, way } = this.work
    this.phase = preparing
    this.refused = undefined
    const prepared = this.statements.known(call.statement, way) ?? await this.statements.prepare(call.statement, way)
    if (this.stopped !== undefined) return undefined
    this.writes = !call.statement.isQuery
    this.shapeRows(prepared)
    this.phase = stepping
    try {
      const rows = await prepared.native.iterate(call.bound)
      this.phase = reading
      return new Reading(this.native, prepared, call.shape, rows, firstRows)
    } catch (error) {
      if (isBusy(error)) this.refused = prepared.native
      throw error
    } finally {
      this.phase = reading
    }
  }

  private shapeRows(prepared: Prepared): void {
    const isRaw = this.work.call.shape.rowMode === "array"
    if (!prepared.isReader || prepared.isRaw === isRaw) return
    prepared.native.raw(isRaw)
    prepared.isRaw = isRaw
  }
}
