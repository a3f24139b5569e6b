import type { SqliteQueryError } from "../../SqliteError.js"
import type { Timer } from "../timer.js"
import { collect } from "./collect.js"
import type { NativeDatabase } from "./driver.js"
import type { Limits, Report } from "./execution.js"
import { Execution } from "./execution.js"
import {
  clientError,
  interruptedError,
  isFatal,
  isInterruption,
  lostError,
  queryError,
  rolledBackError
} from "./failure.js"
import type { Work } from "./job.js"
import { Job } from "./job.js"
import type { Counts } from "./statements.js"
import { Statements } from "./statements.js"
import type { Statement } from "./text.js"

/** Open → Closing, and Lost from either. Closing answers nobody any more; Lost is beyond use. Both wait for what runs. */
type Life =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Closing" }
  | { readonly _tag: "Lost"; readonly reason: unknown }

/**
 * Who has the database.
 *
 * - `Free`: nobody.
 * - `Busy`: a job, until the driver does nothing for it any more, whether or not somebody waits for it.
 * - `Resting`: what was prepared is given up.
 */
type Turn =
  | { readonly _tag: "Free" }
  | { readonly _tag: "Busy"; readonly execution: Execution }
  | { readonly _tag: "Resting" }

/**
 * The transaction, as the last statement has left it.
 *
 * - `Open`: this many statements have begun since its BEGIN.
 * - `RolledBack`: SQLite has ended it, and whoever began it does not know yet.
 */
type Transaction =
  | { readonly _tag: "None" }
  | { readonly _tag: "Open"; readonly statements: number }
  | { readonly _tag: "RolledBack" }

const free: Turn = { _tag: "Free" }
const none: Transaction = { _tag: "None" }
const rollback: Statement = {
  _tag: "Statement",
  sql: "ROLLBACK",
  parameters: 0,
  isQuery: false,
  isChange: false,
  isExplained: false,
  ends: "ROLLBACK"
}

/** A statement that runs on when nobody waits for it. */
const finishing = (statement: Statement): Job =>
  new Job({ statement, bound: [], shape: { rowMode: "object", safeIntegers: false } }, "finish")

/**
 * One libsql database, and whose turn it is to use it. One job at a time is given to the driver: it would run several at the same
 * time, and an interruption hits whatever runs.
 */
export class Handle {
  readonly statements: Statements
  private native: NativeDatabase | undefined
  private life: Life = { _tag: "Open" }
  private turn: Turn = free
  private queue: Array<Work> = []
  private onSettled: Array<() => void> = []
  private onLost: ((reason: unknown) => void) | undefined
  private onReleased: Array<() => void> = []
  private released: Promise<void> = Promise.resolve()
  private transaction: Transaction = none
  private counts: Counts = { changes: 0, totalChanges: 0, lastInsertRowid: 0n }

  constructor(
    native: NativeDatabase,
    private readonly isFile: boolean,
    private readonly limits: Limits,
    private readonly after: Timer,
    private readonly now: () => number
  ) {
    this.native = native
    this.statements = new Statements(native)
  }

  get state(): Life["_tag"] {
    return this.life._tag
  }

  /** What is done at this moment, for whoever looks at it. */
  get doing(): string {
    return this.turn._tag === "Busy" ? this.turn.execution.doing : this.turn._tag
  }

  get database(): NativeDatabase | undefined {
    return this.native
  }

  /** Nothing is asked or waits to be asked, by anybody. */
  get isSettled(): boolean {
    return this.turn._tag === "Free"
  }

  /** Not while anything runs. Finds one as well that somebody has begun on the raw database. */
  findTransaction(): boolean {
    if (this.transaction._tag === "None" && this.native?.inTransaction === true) {
      this.transaction = { _tag: "Open", statements: 0 }
    }
    return this.transaction._tag !== "None"
  }

  /** Calls `lost` once when the connection dies other than by `close`, at once if it has. */
  listen(lost: (reason: unknown) => void): void {
    if (this.life._tag === "Lost") lost(this.life.reason)
    else this.onLost = lost
  }

  submit(work: Work): void {
    switch (this.life._tag) {
      case "Open":
        this.queue.push(work)
        if (this.turn._tag === "Free") this.next()
        return
      case "Lost":
        return work.fail(lostError(work.call.statement.sql, this.life.reason))
      case "Closing":
        return work.fail(lostError(work.call.statement.sql, new Error("it is not open")))
    }
  }

  /** Nobody waits for this job any more. */
  leave(work: Work): void {
    if (work.isAnswered) return
    work.leave()
    const place = this.queue.indexOf(work)
    if (place >= 0) this.queue.splice(place, 1)
    if (this.turn._tag === "Busy" && this.turn.execution.work === work) this.turn.execution.stop("left")
  }

  /** Nobody waits for anything any more but for what is to finish. */
  leaveAll(): void {
    const queue = this.queue
    this.queue = queue.filter((work) => work.whenLeft === "finish")
    for (const work of queue) {
      if (work.whenLeft === "interrupt") work.fail(givenBack(work))
    }
    if (this.turn._tag !== "Busy") return
    const { work } = this.turn.execution
    if (work.whenLeft === "finish") return
    work.fail(givenBack(work))
    this.turn.execution.stop("left")
  }

  /** Calls `settled` once when nothing is asked any more, or the connection is lost: with the reason then. */
  whenSettled(settled: (lost: { readonly reason: unknown } | undefined) => void): void {
    const tell = () => settled(this.life._tag === "Lost" ? this.life : undefined)
    if (this.isSettled || this.life._tag === "Lost") tell()
    else this.onSettled.push(tell)
  }

  private next(): void {
    this.turn = free
    if (this.life._tag !== "Open" || this.native === undefined) return this.release()
    for (let work = this.queue.shift(); work !== undefined; work = this.queue.shift()) {
      if (!this.answers(work)) return this.start(work, this.native)
    }
    const listeners = this.onSettled
    this.onSettled = []
    for (const listener of listeners) listener()
  }

  /** Whether it needs no SQLite to be answered: in a transaction that SQLite has ended nothing runs, as it would outside of it. */
  private answers(work: Work): boolean {
    const { sql, ends } = work.call.statement
    const { _tag } = this.transaction
    if (_tag === "Open" || (_tag === "None" && (ends === undefined || work.whenLeft === "interrupt"))) return false
    if (ends !== undefined) this.transaction = none
    if (ends === "ROLLBACK") work.succeed({ ...this.counts, changes: 0 })
    else work.fail(rolledBackError(sql))
    return true
  }

  private start(work: Work, native: NativeDatabase): void {
    const execution = new Execution(work, native, this.statements, this.limits, this.after, this.now)
    this.turn = { _tag: "Busy", execution }
    void execution.run(this.canWait(work)).then((report) => this.settle(work, report, native))
  }

  /**
   * Whether waiting for a lock can help it: outside of a transaction, at the beginning of one, and at its end. In between somebody has
   * the lock who may wait for this one's, or has written what this one would have had to read.
   */
  private canWait(work: Work): boolean {
    if (this.transaction._tag !== "Open") return true
    const statements = this.transaction.statements + 1
    this.transaction = { _tag: "Open", statements }
    return statements === 1 || work.call.statement.ends !== undefined
  }

  private settle(work: Work, { counts, outcome }: Report, native: NativeDatabase): void {
    const { sql, ends } = work.call.statement
    const isOpen = native.inTransaction
    const wasOpen = this.transaction._tag === "Open"
    if (isOpen !== wasOpen) {
      const isLost = outcome._tag !== "Done" && ends === undefined
      this.transaction = isOpen ? { _tag: "Open", statements: 0 } : isLost ? { _tag: "RolledBack" } : none
    }
    const changes = this.changesOf(counts)
    switch (outcome._tag) {
      case "Done":
        work.succeed(changes)
        break
      case "Stopped":
        work.fail(interruptedError(sql, outcome.stop === "late" ? this.tookTooLong : "Nobody waited for it any more."))
        break
      case "Failed":
        work.fail(queryError(sql, outcome.error))
        // Nobody has interrupted it: it was for another one, and SQLite would not forget it.
        if (isFatal(outcome.error) || isInterruption(outcome.error)) this.lose(outcome.error)
        // Nobody else ends a transaction whose end has failed.
        else if (isOpen && ends === "COMMIT" && work.whenLeft === "finish") this.queue.unshift(finishing(rollback))
    }
    if (this.life._tag === "Open" && this.statements.isFull) this.rest()
    else this.next()
  }

  private get tookTooLong(): string {
    return `It took longer than statementTimeout, which is ${this.limits.statementTimeout} ms.`
  }

  private changesOf(counts: Counts | undefined): Counts {
    const before = this.counts
    if (counts !== undefined) this.counts = counts
    return { ...this.counts, changes: this.counts.totalChanges === before.totalChanges ? 0 : this.counts.changes }
  }

  private rest(): void {
    this.turn = { _tag: "Resting" }
    this.statements.clear()
    void collect().then(() => this.next())
  }

  /** Waits for what runs, and calls `closed` when the driver has closed the file. */
  close(closed: () => void): void {
    if (this.life._tag === "Open") {
      this.life = { _tag: "Closing" }
      this.failAll(new Error("it was closed"))
    }
    this.onReleased.push(closed)
    if (this.turn._tag === "Free") this.release()
    else if (this.turn._tag === "Busy" && this.turn.execution.work.whenLeft === "interrupt") {
      this.turn.execution.stop("left")
    }
  }

  /** Ends what runs. The file is closed when it has ended. */
  abort(reason: unknown): void {
    this.lose(reason)
    if (this.turn._tag === "Free") this.release()
  }

  /** Beyond use from now on. Everybody who waits is told. */
  lose(reason: unknown): void {
    const { life, onLost, turn } = this
    if (life._tag === "Lost") return
    this.life = { _tag: "Lost", reason }
    this.onLost = undefined
    this.failAll(reason)
    if (turn._tag === "Busy") turn.execution.stop("left")
    if (life._tag !== "Closing") onLost?.(reason)
  }

  private failAll(reason: unknown): void {
    const { onSettled, queue, turn } = this
    this.queue = []
    this.onSettled = []
    const works = turn._tag === "Busy" ? [turn.execution.work, ...queue] : queue
    for (const work of works) work.fail(lostError(work.call.statement.sql, reason))
    for (const listener of onSettled) listener()
  }

  /** Nothing runs, and nothing will. */
  private release(): void {
    if (this.native !== undefined) {
      this.native.close()
      this.native = undefined
      this.statements.clear()
      // Without a file there is nothing that anybody waits for.
      if (this.isFile) this.released = collect()
    }
    const listeners = this.onReleased
    this.onReleased = []
    void this.released.then(() => {
      for (const listener of listeners) listener()
    })
  }
}

const givenBack = (work: Work): SqliteQueryError =>
  clientError(work.call.statement.sql, "The connection was given back before this statement had ended.")
