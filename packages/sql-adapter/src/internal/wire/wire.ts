import { constVoid } from "effect/Function"
import type * as net from "node:net"
import type { Timer } from "../timer.js"

/** What has its turn on a wire, and what is told to it. `E` is what it may fail with. */
export interface Work<in E> {
  readonly sql: string
  /** What becomes of it when nobody waits for it any more: a query is cancelled, the end of a transaction runs on. */
  readonly whenLeft: "cancel" | "finish"
  readonly isAnswered: boolean
  /** Whether the server alone decides how long it takes. */
  readonly isBounded: boolean
  fail(error: E): void
  /** Nobody waits any more for what the server has. Whether the server must be told to stop. */
  leave(): "cancel" | "ends"
}

/**
 * What became of asking the server, on another connection, to stop a query.
 *
 * - `NotSent`: the server never saw it.
 * - `Done`: the server has done it.
 * - `Unknown`: it was sent, and may still arrive.
 */
export type CancelOutcome = "NotSent" | "Done" | "Unknown"

/** Such a request on its way. */
export interface Cancel {
  /** Drops it if it was not sent yet, and tells whether it did. What was sent stays on its way. */
  readonly drop: () => boolean
}

/** In milliseconds. */
export interface Limits {
  /** How long what was left may take to settle. */
  readonly cancelTimeout: number
  /** After which a statement that is not answered is not waited for any more. */
  readonly answerTimeout: number | undefined
}

/**
 * Connecting → Open → Closing, and Lost from any of them. Closing has said goodbye and waits for the server to hang up; Lost is
 * beyond use.
 */
type Life =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Open" }
  | { readonly _tag: "Closing" }
  | { readonly _tag: "Lost"; readonly reason: unknown }

/**
 * Who has the wire.
 *
 * - `Free`: nobody.
 * - `Busy`: a job, until its answer is complete.
 * - `Settling`: what a job left behind that nobody waits for any more. Its answer and its cancel must both have come to an end,
 *   in whichever order, as a late cancel would hit the next query.
 * - `Draining`: a round trip that follows, and catches the cancel if it was later than it looked.
 */
type Turn<W> =
  | { readonly _tag: "Free" }
  | { readonly _tag: "Busy"; readonly job: W; readonly stopTimer: () => void }
  | Settling
  | { readonly _tag: "Draining"; readonly stopTimer: () => void }

interface Settling {
  readonly _tag: "Settling"
  readonly stopTimer: () => void
  /** Ends the pause before the next cancel. */
  stopPause: () => void
  cancel: Cancel
  answered: boolean
  cancelled: CancelOutcome | undefined
}

const free = { _tag: "Free" } as const

/** Before a cancel that has stopped nothing is sent again, in milliseconds; twice as long each time. */
const firstPause = 100

/** How long the server may take to hang up after a goodbye. The pool's `closeTimeout` bounds it as well. */
const goodbyeTimeout = 5_000

/**
 * One driver's connection, and whose turn it is to use it. Everything here is synchronous: it starts something, or hears that
 * something has ended.
 *
 * Drivers have queues of their own, but send the next query as soon as a cancelled one is answered, so that a late cancel hits it
 * (jackc/pgx#2534). So one job at a time is given to the driver.
 */
export abstract class Wire<W extends Work<E>, E> {
  private life: Life = { _tag: "Connecting" }
  private turn: Turn<W> = free
  private queue: Array<W> = []
  private onSettled: Array<() => void> = []
  private onLost: ((reason: unknown) => void) | undefined
  private onCritical: (() => void) | undefined

  constructor(protected readonly limits: Limits, protected readonly after: Timer) {}

  /** Closed when the connection is. */
  protected abstract readonly socket: net.Socket
  /** The driver has nothing to do, for anybody. */
  protected abstract readonly isIdle: boolean
  /** Gives it to the driver. What throws was not sent. */
  protected abstract give(job: W): void
  /** Asks for a round trip that changes nothing. */
  protected abstract drain(): void
  /** Has the server stop what runs. Calls `done` once, in any case, not before it has returned, unless it was dropped. */
  protected abstract sendCancel(done: (outcome: CancelOutcome) => void): Cancel
  /** Has the server stop what runs, with the session. */
  protected abstract sendKill(): void
  protected abstract sayGoodbye(): void
  protected abstract hangUp(): void
  /** Whether other connections to this server are in doubt, too. */
  protected abstract isCritical(reason: unknown): boolean
  protected abstract lostError(sql: string, reason: unknown): E
  /** It was not sent, for a reason that is an error or a text. */
  protected abstract refusedError(sql: string, reason: unknown): E

  get state(): Life["_tag"] {
    return this.life._tag
  }

  /** Nothing is asked or waits to be asked, by anybody. */
  get isSettled(): boolean {
    return this.turn._tag === "Free" && this.isIdle
  }

  /** The job whose turn it is. */
  protected get busyWith(): W | undefined {
    return this.turn._tag === "Busy" ? this.turn.job : undefined
  }

  /** What comes is for nobody. */
  protected get isSettling(): boolean {
    return this.turn._tag === "Settling"
  }

  /** The connection can be used from now on. */
  protected open(): void {
    this.life = { _tag: "Open" }
    this.onLost = undefined
  }

  /** Calls `lost` once when the connection dies other than by `close`, at once if it has. */
  listen(lost: (reason: unknown) => void): void {
    if (this.life._tag === "Lost") lost(this.life.reason)
    else this.onLost = lost
  }

  /** Calls `critical` where what the connection dies of says more of the server than of the connection. */
  listenCritical(critical: () => void): void {
    this.onCritical = critical
  }

  submit(job: W): void {
    switch (this.life._tag) {
      case "Open":
        if (this.turn._tag === "Free") this.start(job)
        else this.queue.push(job)
        return
      case "Lost":
        return job.fail(this.lostError(job.sql, this.life.reason))
      case "Connecting":
      case "Closing":
        return job.fail(this.lostError(job.sql, new Error("it is not open")))
    }
  }

  /** Nobody waits for this job any more. */
  leave(job: W): void {
    if (job.isAnswered) return
    const place = this.queue.indexOf(job)
    if (place >= 0) this.queue.splice(place, 1)
    else if (this.turn._tag === "Busy" && this.turn.job === job && job.leave() === "cancel") {
      this.cancel(this.turn.stopTimer)
    }
  }

  /** Nobody waits for anything any more but for what is to finish. */
  leaveAll(): void {
    const queue = this.queue
    this.queue = queue.filter((job) => job.whenLeft === "finish")
    for (const job of queue) {
      if (job.whenLeft === "cancel") {
        job.fail(this.refusedError(job.sql, "The connection was given back before this query's turn"))
      }
    }
    const job = this.busyWith
    if (job?.whenLeft === "cancel") this.leave(job)
  }

  /** Calls `settled` once when nothing is asked any more, or the connection is lost: with the reason then. */
  whenSettled(settled: (lost: { readonly reason: unknown } | undefined) => void): void {
    const tell = () => settled(this.life._tag === "Lost" ? this.life : undefined)
    if (this.isSettled || this.life._tag === "Lost") tell()
    else this.onSettled.push(tell)
  }

  private start(job: W): void {
    this.turn = { _tag: "Busy", job, stopTimer: job.isBounded ? this.watch() : constVoid }
    try {
      this.give(job)
    } catch (error) {
      this.refuse(job, error)
    }
  }

  /** The server ends what takes too long. One that cannot be reached does not. */
  watch(): () => void {
    const { answerTimeout } = this.limits
    if (answerTimeout === undefined) return constVoid
    return this.after(
      answerTimeout,
      () => this.giveUp(new Error(`a statement was not answered in ${answerTimeout} ms`))
    )
  }

  protected giveUp(reason: unknown): void {
    this.destroy(reason)
  }

  /** The driver did not send it, so there is no answer to end it: the driver is idle when it returns from this. */
  protected refuse(job: W, error: unknown): void {
    job.fail(this.life._tag === "Lost" ? this.lostError(job.sql, error) : this.refusedError(job.sql, error))
    process.nextTick(() => {
      if (this.busyWith === job && this.isIdle) this.ready()
    })
  }

  /** What was asked is answered in full: the driver is idle. */
  protected ready(): void {
    const turn = this.turn
    switch (turn._tag) {
      case "Settling":
        turn.answered = true
        return this.settle(turn)
      case "Draining":
      case "Busy":
        turn.stopTimer()
        return this.next()
      case "Free":
        return this.next()
    }
  }

  private next(): void {
    this.turn = free
    if (this.life._tag === "Lost") return
    const job = this.queue.shift()
    if (job !== undefined) return this.start(job)
    const listeners = this.onSettled
    if (listeners.length === 0) return
    this.onSettled = []
    for (const listener of listeners) listener()
  }

  private cancel(stopTimer: () => void): void {
    stopTimer()
    const timeout = this.limits.cancelTimeout
    const stop = this.after(timeout, () => {
      this.destroy(new Error(`a cancelled query was not answered in ${timeout} ms`))
    })
    const turn: Settling = {
      _tag: "Settling",
      stopTimer: () => {
        stop()
        turn.stopPause()
      },
      stopPause: constVoid,
      cancel: this.sendCancel((outcome) => this.cancelled(turn, outcome, firstPause)),
      answered: false,
      cancelled: undefined
    }
    this.turn = turn
  }

  /** A cancel that comes before the server has begun with the query stops nothing. Where no answer comes, it is sent again. */
  private cancelled(turn: Settling, outcome: CancelOutcome, pause: number): void {
    turn.cancelled = outcome
    if (this.turn !== turn) return
    if (turn.answered || outcome === "Unknown") return this.settle(turn)
    turn.stopPause = this.after(pause, () => {
      if (this.turn !== turn || turn.answered) return
      turn.cancelled = undefined
      turn.cancel = this.sendCancel((outcome) => this.cancelled(turn, outcome, 2 * pause))
    })
  }

  private settle(turn: Settling): void {
    if (!turn.answered) return
    if (turn.cancelled === undefined && turn.cancel.drop()) turn.cancelled = "NotSent"
    switch (turn.cancelled) {
      case undefined:
        return
      case "NotSent":
        turn.stopTimer()
        return this.next()
      case "Done":
        this.turn = { _tag: "Draining", stopTimer: turn.stopTimer }
        return this.drain()
      case "Unknown":
        return this.destroy(new Error("a cancel may still be on its way"))
    }
  }

  /** Says goodbye and waits for the server to hang up; where there is nobody to say it to, hangs up. */
  close(closed: () => void): void {
    if (this.socket.closed) return closed()
    this.socket.once("close", closed)
    if (this.life._tag === "Open" && this.isSettled) {
      this.life = { _tag: "Closing" }
      this.socket.once("close", this.after(goodbyeTimeout, () => this.destroy(new Error("the server did not hang up"))))
      this.sayGoodbye()
    } else {
      this.abort(new Error("it was closed"))
    }
  }

  /** Hangs up. The server would go on with a query, so it is told to stop. */
  abort(reason: unknown): void {
    if (this.isCancellable) this.sendKill()
    this.destroy(reason)
  }

  /** Somebody's query runs, on the raw client perhaps, and no cancel is on its way to it. */
  private get isCancellable(): boolean {
    const { life, turn } = this
    if (life._tag !== "Open" || this.isIdle) return false
    return turn._tag === "Free" || (turn._tag === "Busy" && turn.job.whenLeft === "cancel")
  }

  /** Beyond use from now on. Everybody who waits is told. */
  lose(reason: unknown): void {
    const { life, queue, turn, onSettled, onLost } = this
    if (life._tag === "Lost") return
    this.life = { _tag: "Lost", reason }
    this.turn = free
    this.queue = []
    this.onSettled = []
    this.onLost = undefined
    if (turn._tag === "Busy") turn.job.fail(this.lostError(turn.job.sql, reason))
    if (turn._tag !== "Free") turn.stopTimer()
    for (const job of queue) job.fail(this.lostError(job.sql, reason))
    for (const listener of onSettled) listener()
    if (this.isCritical(reason)) this.onCritical?.()
    if (life._tag !== "Closing") onLost?.(reason)
  }

  destroy(reason: unknown): void {
    this.lose(reason)
    this.hangUp()
  }
}
