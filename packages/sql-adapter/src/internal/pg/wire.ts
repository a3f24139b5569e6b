import { constVoid } from "effect/Function"
import pg from "pg"
import type { Timer } from "../timer.js"
import type { Cancel, CancelOutcome } from "./cancel.js"
import { sendCancel } from "./cancel.js"
import type { DriverClient, ReadyForQuery } from "./driver.js"
import { guard, isServerError } from "./driver.js"
import { clientError, isFatal, lostError, serverError } from "./failure.js"
import type { Work } from "./job.js"
import type { Settings } from "./settings.js"

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
 * - `Settling`: what a job left behind that nobody waits for any more. Its answer and its CancelRequest must both have come to
 *   an end, in whichever order, as a late CancelRequest would hit the next query.
 * - `Draining`: an empty query that follows, and catches the CancelRequest if it was later than it looked.
 */
type Turn =
  | { readonly _tag: "Free" }
  | { readonly _tag: "Busy"; readonly job: Work; readonly stopTimer: () => void }
  | Settling
  | { readonly _tag: "Draining"; readonly stopTimer: () => void }

interface Settling {
  readonly _tag: "Settling"
  readonly stopTimer: () => void
  readonly cancel: Cancel
  answered: boolean
  cancelled: CancelOutcome | undefined
}

/** What PostgreSQL tells at the start of a session, from version 14 on. */
const readOnlySettings = new Set(["in_hot_standby", "default_transaction_read_only"])

const free: Turn = { _tag: "Free" }

/** How long the server may take to hang up after a goodbye. The pool's `closeTimeout` bounds it as well. */
const goodbyeTimeout = 5_000

/**
 * One pg client, and whose turn it is to use it. Everything here is synchronous: it starts something, or hears that something
 * has ended.
 *
 * pg has a queue of its own, but would send the next query as soon as a cancelled one is answered, so that a late CancelRequest
 * hits it (jackc/pgx#2534). So one job at a time is given to pg.
 */
export class Wire {
  readonly client: DriverClient
  private readonly socket: DriverClient["connection"]["stream"]
  private life: Life = { _tag: "Connecting" }
  private turn: Turn = free
  private queue: Array<Work> = []
  private onSettled: Array<() => void> = []
  private onLost: ((reason: unknown) => void) | undefined
  private isReplica = false
  /** What the last ReadyForQuery said: "I"dle, in a "T"ransaction, or in one with an "E"rror. */
  transactionStatus = "I"
  /** The transaction that `withTransaction` has begun. */
  transaction: "none" | "writing" | "reading" = "none"

  constructor(private readonly settings: Settings, private readonly after: Timer) {
    this.client = new pg.Client(settings.client) as unknown as DriverClient
    this.socket = this.client.connection.stream
    guard(this.client.connection)
    // Before anything can happen: an `error` event that nobody listens for ends the process.
    this.client.on("error", (error) => this.lose(error))
    this.client.on("end", () => this.lose(new Error("The server closed the connection")))
  }

  get state(): Life["_tag"] {
    return this.life._tag
  }

  /** Nothing is asked or waits to be asked, by anybody. */
  get isSettled(): boolean {
    return this.turn._tag === "Free" && this.client.readyForQuery === true
  }

  connect(opened: () => void, failed: (reason: unknown) => void): void {
    this.onLost = failed
    try {
      this.client.connect((error: unknown) => {
        if (error) return this.lose(error)
        if (this.life._tag !== "Connecting") return
        this.life = { _tag: "Open" }
        this.onLost = undefined
        opened()
      })
    } catch (error) {
      return this.lose(error)
    }
    // After pg's own listener, which answers the job first and may have begun a query of the raw client.
    const { connection } = this.client
    connection.on("readyForQuery", ({ status }: ReadyForQuery) => {
      this.transactionStatus = status
      if (this.client.readyForQuery === true) this.ready()
    })
    connection.on("parameterStatus", ({ parameterName, parameterValue }) => {
      if (this.life._tag === "Connecting" && readOnlySettings.has(parameterName)) {
        this.isReplica ||= parameterValue === "on"
      }
    })
  }

  /** Calls `lost` once when the connection dies other than by `close`, at once if it has. */
  listen(lost: (reason: unknown) => void): void {
    if (this.life._tag === "Lost") lost(this.life.reason)
    else this.onLost = lost
  }

  submit(job: Work): void {
    switch (this.life._tag) {
      case "Open":
        if (this.turn._tag === "Free") this.start(job)
        else this.queue.push(job)
        return
      case "Lost":
        return job.fail(lostError(job.sql, this.life.reason))
      case "Connecting":
      case "Closing":
        return job.fail(lostError(job.sql, new Error("it is not open")))
    }
  }

  /** Nobody waits for this job any more. */
  leave(job: Work): void {
    if (job.isAnswered) return
    const place = this.queue.indexOf(job)
    if (place >= 0) this.queue.splice(place, 1)
    else if (this.turn._tag === "Busy" && this.turn.job === job && job.leave() === "cancel") this.cancel(this.turn)
  }

  /** Nobody waits for anything any more but for what is to finish. */
  leaveAll(): void {
    const queue = this.queue
    this.queue = queue.filter((job) => job.whenLeft === "finish")
    for (const job of queue) {
      if (job.whenLeft === "cancel") {
        job.fail(clientError(job.sql, "The connection was given back before this query's turn"))
      }
    }
    if (this.turn._tag === "Busy" && this.turn.job.whenLeft === "cancel") this.leave(this.turn.job)
  }

  /** Calls `settled` once when nothing is asked any more, or the connection is lost: with the reason then. */
  whenSettled(settled: (lost: { readonly reason: unknown } | undefined) => void): void {
    const tell = () => settled(this.life._tag === "Lost" ? this.life : undefined)
    if (this.isSettled || this.life._tag === "Lost") tell()
    else this.onSettled.push(tell)
  }

  private start(job: Work): void {
    this.turn = { _tag: "Busy", job, stopTimer: this.watch(job) }
    try {
      job.start(this.client, (error, result) => {
        if (error) this.refuse(job, error)
        else job.succeed(result)
      })
    } catch (error) {
      this.refuse(job, error)
    }
  }

  /** The server ends what takes too long. One that cannot be reached does not. */
  private watch(job: Work): () => void {
    const { answerTimeout } = this.settings
    if (answerTimeout === undefined || !job.isBounded) return constVoid
    return this.after(
      answerTimeout,
      () => this.destroy(new Error(`a statement was not answered in ${answerTimeout} ms`))
    )
  }

  private refuse(job: Work, error: unknown): void {
    if (isServerError(error)) {
      const fatal = isFatal(error, { expectsWrites: !this.isReplica && this.transaction !== "reading" })
      job.fail(serverError(job.sql, error, fatal))
      if (fatal) this.lose(error)
    } else {
      job.fail(this.life._tag === "Lost" ? lostError(job.sql, error) : clientError(job.sql, String(error), error))
      // What pg itself refused was never sent, so there is no answer to end it: pg is ready again when it returns from this.
      process.nextTick(() => {
        if (this.turn._tag === "Busy" && this.turn.job === job && this.client.readyForQuery === true) this.ready()
      })
    }
  }

  /** What was asked is answered in full. */
  private ready(): void {
    const turn = this.turn
    switch (turn._tag) {
      case "Draining":
        turn.stopTimer()
        return this.next()
      case "Settling":
        turn.answered = true
        return this.settle(turn)
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

  private cancel({ stopTimer }: Extract<Turn, { readonly _tag: "Busy" }>): void {
    stopTimer()
    const timeout = this.settings.cancelTimeout
    const turn: Settling = {
      _tag: "Settling",
      stopTimer: this.after(timeout, () => {
        this.destroy(new Error(`a cancelled query was not answered in ${timeout} ms`))
      }),
      cancel: this.sendCancel((outcome) => {
        turn.cancelled = outcome
        if (this.turn === turn) this.settle(turn)
      }),
      answered: false,
      cancelled: undefined
    }
    this.turn = turn
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
        this.client.query("", () => {})
        return
      case "Unknown":
        return this.destroy(new Error("a CancelRequest may still be on its way"))
    }
  }

  private sendCancel(done: (outcome: CancelOutcome) => void): Cancel {
    const { client, socket } = this
    const { host, port } = this.settings.place
    return sendCancel(
      {
        processId: client.processID ?? 0,
        secretKey: client.secretKey ?? 0,
        address: socket.remoteAddress ?? host,
        port: socket.remotePort ?? port,
        host,
        ssl: client.ssl,
        sslNegotiation: client.sslNegotiation ?? "postgres"
      },
      this.settings.cancelTimeout,
      this.after,
      done
    )
  }

  /** Says goodbye and waits for the server to hang up; where there is nobody to say it to, hangs up. */
  close(closed: () => void): void {
    if (this.socket.closed) return closed()
    this.socket.once("close", closed)
    if (this.life._tag === "Open" && this.isSettled) {
      this.life = { _tag: "Closing" }
      this.socket.once("close", this.after(goodbyeTimeout, () => this.destroy(new Error("the server did not hang up"))))
      this.client.end(() => {})
    } else {
      this.abort(new Error("it was closed"))
    }
  }

  /** Hangs up. The server would go on with a query, so it is told to stop. */
  abort(reason: unknown): void {
    if (this.isCancellable) this.sendCancel(() => {})
    this.destroy(reason)
  }

  /** Somebody's query runs, on the raw client perhaps, and no cancel is on its way to it. */
  private get isCancellable(): boolean {
    const { client, life, turn } = this
    if (life._tag !== "Open" || client.readyForQuery === true) return false
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
    if (turn._tag === "Busy") turn.job.fail(lostError(turn.job.sql, reason))
    if (turn._tag !== "Free") turn.stopTimer()
    for (const job of queue) job.fail(lostError(job.sql, reason))
    for (const listener of onSettled) listener()
    if (life._tag !== "Closing") onLost?.(reason)
  }

  destroy(reason: unknown): void {
    this.lose(reason)
    // With TLS there are two, one in the other.
    this.client.connection.stream.destroy()
    this.socket.destroy()
  }
}
