import { constVoid } from "effect/Function"
import type * as net from "node:net"
import type { Timer } from "../timer.js"
import { Flight } from "./flight.js"
import type { OnKill } from "./kills.js"
import type { Cancel, CancelOutcome, Limits, Work } from "./work.js"

/**
 * Connecting → Open → Closing, and Lost from any of them. Closing has said goodbye and waits for the server to hang up; Lost is
 * beyond use, and hung up on, unless the server is yet to hear that it is to stop.
 */
type Life =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Open" }
  | { readonly _tag: "Closing" }
  | { readonly _tag: "Lost"; readonly reason: unknown; readonly kill: "none" | "underWay" }

/**
 * Who has the wire.
 *
 * - `Free`: nobody.
 * - `Busy`: a job, until its answer is complete; or several that were given to the driver one behind the other.
 * - `Settling`: what a job left behind that nobody waits for any more. Its answer and its cancel must both have come to an end,
 *   in whichever order, as a late cancel would hit the next query.
 * - `Draining`: a round trip that follows, and catches the cancel if it was later than it looked.
 */
type Turn<W extends Work<any>> =
  | { readonly _tag: "Free" }
  | Busy<W>
  | Settling
  | { readonly _tag: "Draining"; readonly stopTimer: () => void }

interface Busy<W extends Work<any>> {
  readonly _tag: "Busy"
  readonly flight: Flight<W>
  stopTimer: () => void
}

interface Settling {
  readonly _tag: "Settling"
  readonly stopTimer: () => void
  /** Ends the pause before the next cancel. */
  stopPause: () => void
  /** Something was answered since the last cancel was sent, and there is more. */
  hasPassed: boolean
  /** Sends the next cancel without a pause. */
  again: () => void
  cancel: Cancel
  answered: boolean
  cancelled: CancelOutcome | undefined
  /** The server has done a cancel: it may yet come, if it is a little late. */
  wasDone: boolean
}

const free = { _tag: "Free" } as const

/** Before a cancel that has stopped nothing is sent again, in milliseconds; twice as long each time. */
const firstPause = 100

const notAnswered = (timeout: number) => new Error(`a statement was not answered in ${timeout} ms`)

/** How long the server may take to hang up after a goodbye. The pool's `closeTimeout` bounds it as well. */
const goodbyeTimeout = 5_000

/**
 * One driver's connection, and whose turn it is to use it. Everything here is synchronous: it starts something, or hears that
 * something has ended.
 *
 * Drivers have queues of their own, but send the next query as soon as a cancelled one is answered, so that a late cancel hits it
 * (jackc/pgx#2534). So one job at a time is given to the driver, or several that share it, and a cancel is sent only when nobody waits for
 * any of them.
 */
export abstract class Wire<W extends Work<E>, E> {
  private life: Life = { _tag: "Connecting" }
  private turn: Turn<W> = free
  private queue: Array<W> = []
  private onSettled: Array<() => void> = []
  private onLost: ((reason: unknown) => void) | undefined
  private onCritical: (() => void) | undefined
  private onKill: OnKill = () => constVoid

  constructor(protected readonly limits: Limits, protected readonly after: Timer) {}

  /** Closed when the connection is. */
  protected abstract readonly socket: net.Socket
  /** The driver has nothing to do, for anybody. */
  protected abstract readonly isIdle: boolean
  /** Gives it to the driver, where it shares that with others or not. What throws was not sent. */
  protected abstract give(job: W, isShared: boolean): void
  /** Asks for a round trip that changes nothing. */
  protected abstract drain(): void
  /** Has the server stop what runs. Calls `done` once, in any case, not before it has returned, unless it was dropped. */
  protected abstract sendCancel(done: (outcome: CancelOutcome) => void): Cancel
  /** Has the server stop what runs, with the session. Calls `done` once, in any case. */
  protected abstract sendKill(done: () => void): void
  protected abstract sayGoodbye(): void
  protected abstract hangUp(): void
  /** Whether other connections to this server are in doubt, too. */
  protected abstract isCritical(reason: unknown): boolean
  protected abstract lostError(sql: string, reason: unknown, mayHaveRun: boolean): E
  /** It was not sent, for a reason that is an error or a text. */
  protected abstract refusedError(sql: string, reason: unknown): E

  /** Whether the driver may have it behind others, and others behind it. */
  protected sharesDriver(_job: W): boolean {
    return false
  }

  get state(): Life["_tag"] {
    return this.life._tag
  }

  /** Nothing is asked or waits to be asked, by anybody. */
  get isSettled(): boolean {
    return this.turn._tag === "Free" && this.isIdle
  }

  /** Nothing is asked but what shares the driver, and somebody waits for it. */
  get isShared(): boolean {
    const { turn } = this
    return turn._tag === "Busy" && turn.flight.isShared && !turn.flight.hasLeft && this.queue.length === 0
  }

  /** The job whose turn it is. */
  protected get busyWith(): W | undefined {
    return this.turn._tag === "Busy" ? this.turn.flight.first : undefined
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

  /** Calls `onKill` where the server is told to stop what runs, with the session. */
  listenKill(onKill: OnKill): void {
    this.onKill = onKill
  }

  submit(job: W): void {
    switch (this.life._tag) {
      case "Open":
        if (this.turn._tag === "Free") this.start(job)
        else if (this.queue.length === 0 && this.turn._tag === "Busy" && this.joins(this.turn, job)) {
          this.hand(this.turn, job)
        } else this.queue.push(job)
        return
      case "Lost":
        return job.fail(this.lostError(job.sql, this.life.reason, false))
      case "Connecting":
      case "Closing":
        return job.fail(this.lostError(job.sql, new Error("it is not open"), false))
    }
  }

  private joins({ flight }: Busy<W>, job: W): boolean {
    return flight.isShared && this.sharesDriver(job)
  }

  /** Nobody waits for this job any more. */
  leave(job: W): void {
    if (job.isAnswered) return
    const place = this.queue.indexOf(job)
    if (place >= 0) return void this.queue.splice(place, 1)
    const { turn } = this
    if (turn._tag === "Busy" && turn.flight.has(job) && job.leave() === "cancel") {
      turn.flight.leave(job)
      if (turn.flight.isAbandoned) this.cancel(turn)
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
    if (this.turn._tag !== "Busy") return
    for (const job of this.turn.flight.jobs) if (job.whenLeft === "cancel") this.leave(job)
  }

  /** Calls `settled` once when nothing is asked any more, or the connection is lost: with the reason then. */
  whenSettled(settled: (lost: { readonly reason: unknown } | undefined) => void): void {
    const tell = () => settled(this.life._tag === "Lost" ? this.life : undefined)
    if (this.isSettled || this.life._tag === "Lost") tell()
    else this.onSettled.push(tell)
  }

  private start(job: W): void {
    const turn: Busy<W> = { _tag: "Busy", flight: new Flight<W>(this.sharesDriver(job)), stopTimer: constVoid }
    this.turn = turn
    if (job.isBounded) this.watchAll(turn)
    this.hand(turn, job)
  }

  private hand({ flight }: Busy<W>, job: W): void {
    flight.add(job)
    try {
      this.give(job, flight.isShared)
    } catch (error) {
      flight.remove(job)
      this.refuse(job, error)
    }
  }

  /** As `watch`, from one answer to the next. Between one and two times as long: it is not armed anew for each. */
  private watchAll(turn: Busy<W>): void {
    const { answerTimeout } = this.limits
    if (answerTimeout === undefined) return
    const before = turn.flight.passed
    turn.stopTimer = this.after(answerTimeout, () => {
      if (turn.flight.passed > before) this.watchAll(turn)
      else this.giveUp(notAnswered(answerTimeout))
    })
  }

  /** The server ends what takes too long. One that cannot be reached does not. */
  watch(): () => void {
    const { answerTimeout } = this.limits
    if (answerTimeout === undefined) return constVoid
    return this.after(answerTimeout, () => this.giveUp(notAnswered(answerTimeout)))
  }

  protected giveUp(reason: unknown): void {
    this.destroy(reason)
  }

  /** The driver did not send it, so there is no answer to end it: the driver is idle when it returns from this. */
  protected refuse(job: W, error: unknown): void {
    job.fail(this.life._tag === "Lost" ? this.lostError(job.sql, error, false) : this.refusedError(job.sql, error))
    process.nextTick(() => {
      const { turn } = this
      if (turn._tag === "Busy" && (turn.flight.isEmpty || turn.flight.first === job) && this.isIdle) this.ready()
    })
  }

  /** One of several that the driver has was answered in full. */
  protected passed(): void {
    const { turn } = this
    if (turn._tag === "Settling") {
      turn.hasPassed = true
      return turn.again()
    }
    if (turn._tag !== "Busy") return
    turn.flight.pass()
    if (turn.flight.isAbandoned) this.cancel(turn)
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
    if (job !== undefined) {
      this.start(job)
      return this.follow()
    }
    const listeners = this.onSettled
    if (listeners.length === 0) return
    this.onSettled = []
    for (const listener of listeners) listener()
  }

  /** Gives the driver what may be behind what it has just been given. */
  private follow(): void {
    while (this.queue.length > 0 && this.turn._tag === "Busy" && this.joins(this.turn, this.queue[0]!)) {
      this.hand(this.turn, this.queue.shift()!)
    }
  }

  private cancel({ stopTimer }: Busy<W>): void {
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
      hasPassed: false,
      again: constVoid,
      cancel: this.sendCancel((outcome) => this.cancelled(turn, outcome, firstPause)),
      answered: false,
      cancelled: undefined,
      wasDone: false
    }
    this.turn = turn
  }

  /** A cancel that comes before the server has begun with the query stops nothing. Where no answer comes, it is sent again. */
  private cancelled(turn: Settling, outcome: CancelOutcome, pause: number): void {
    turn.cancelled = outcome
    turn.wasDone ||= outcome === "Done"
    if (this.turn !== turn) return
    if (turn.answered || outcome === "Unknown") return this.settle(turn)
    const again = (pause: number) => {
      turn.stopPause()
      turn.again = constVoid
      if (this.turn !== turn || turn.answered) return
      turn.hasPassed = false
      turn.cancelled = undefined
      turn.cancel = this.sendCancel((outcome) => this.cancelled(turn, outcome, pause))
    }
    // Of several that were left, a cancel stops one.
    if (turn.hasPassed) return again(firstPause)
    turn.again = () => again(firstPause)
    turn.stopPause = this.after(pause, () => again(2 * pause))
  }

  private settle(turn: Settling): void {
    if (!turn.answered) return
    if (turn.cancelled === undefined && turn.cancel.drop()) turn.cancelled = "NotSent"
    switch (turn.cancelled) {
      case undefined:
        return
      case "NotSent":
        if (turn.wasDone) return this.catchLate(turn)
        turn.stopTimer()
        return this.next()
      case "Done":
        return this.catchLate(turn)
      case "Unknown":
        return this.destroy(new Error("a cancel may still be on its way"))
    }
  }

  private catchLate({ stopTimer }: Settling): void {
    this.turn = { _tag: "Draining", stopTimer }
    this.drain()
  }

  /** Says goodbye and waits for the server to hang up; where there is nobody to say it to, hangs up. */
  close(closed: () => void): void {
    if (this.socket.closed) return closed()
    this.socket.once("close", closed)
    if (this.life._tag === "Open" && this.isSettled) {
      this.life = { _tag: "Closing" }
      this.socket.once("close", this.after(goodbyeTimeout, () => this.destroy(new Error("the server did not hang up"))))
      this.sayGoodbye()
    } else if (this.life._tag !== "Lost" || this.life.kill === "none") {
      this.abort(new Error("it was closed"))
    }
  }

  /**
   * Beyond use at once. The server would go on with a query, so it is told to stop, and hung up on when it has heard: a pooler in between drops
   * the cancel of a client that has gone.
   */
  abort(reason: unknown): void {
    if (!this.isCancellable) return this.destroy(reason)
    const heard = this.onKill()
    this.sendKill(() => {
      heard()
      this.hangUp()
    })
    this.lose(reason, "underWay")
  }

  /** Somebody's query runs, on the raw client perhaps, and no cancel is on its way to it. */
  private get isCancellable(): boolean {
    const { life, turn } = this
    if (life._tag !== "Open" || this.isIdle) return false
    return turn._tag === "Free" || (turn._tag === "Busy" && turn.flight.jobs.every((job) => job.whenLeft === "cancel"))
  }

  /** Beyond use from now on. Everybody who waits is told. */
  lose(reason: unknown, kill: "none" | "underWay" = "none"): void {
    const { life, queue, turn, onSettled, onLost } = this
    if (life._tag === "Lost") return
    this.life = { _tag: "Lost", reason, kill }
    this.turn = free
    this.queue = []
    this.onSettled = []
    this.onLost = undefined
    if (turn._tag !== "Free") turn.stopTimer()
    if (turn._tag === "Busy") { for (const job of turn.flight.jobs) job.fail(this.lostError(job.sql, reason, true)) }
    for (const job of queue) job.fail(this.lostError(job.sql, reason, false))
    for (const listener of onSettled) listener()
    if (this.isCritical(reason)) this.onCritical?.()
    if (life._tag !== "Closing") onLost?.(reason)
  }

  destroy(reason: unknown): void {
    this.lose(reason)
    this.hangUp()
  }
}
