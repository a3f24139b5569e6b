/**
 * The reference model's pool: one list of connections, one list of waiters, no derived structure, nothing kept for speed.
 * Here is what is done for whoever waits and what is due; `model.ts` says what each input does.
 */
import type { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import type { CloseReason, OpenPurpose } from "../../packages/core/src/model/events.js"
import type { Rules } from "../../packages/core/src/model/settings.js"

export type Stage = "opening" | "idle" | "leased" | "checking" | "probing" | "resetting" | "closing"

/** The stages of a connection that is open. */
export const OPEN: ReadonlyArray<Stage> = ["idle", "leased", "checking", "probing", "resetting"]

export interface Connection {
  readonly id: number
  readonly purpose: OpenPurpose
  /** Callers with a lower number were there when it began to open. */
  readonly watermark: number
  stage: Stage
  opened: boolean
  retireAt: number
  expiresAt: number
  uses: number
  condemned: CloseReason | undefined
  holder: number | undefined
  idleSince: number
  verifiedAt: number
  checkBegan: number
  pinged: boolean
  closedFor: CloseReason | undefined
}

interface Waiter {
  readonly number: number
  readonly ticket: Ticket
}

const least = (numbers: ReadonlyArray<number>): number => Math.min(Infinity, ...numbers)

export class ModelPool {
  protected now = 0
  protected words: Array<string> = []
  protected phase: "Starting" | "Running" | "Closing" | "Closed" = "Running"
  protected target = 0
  protected closeBy = Infinity
  /** Every connection that has a permit. */
  protected connections: Array<Connection> = []
  /** Those that are idle, the longest idle first. Who is checked or pinged keeps its place in the line. */
  protected line: Array<Connection> = []
  protected waiters: Array<Waiter> = []
  /** How many tickets were drawn, and how many openings begun. */
  protected drawn = 0
  private begun = 0
  protected notBefore = 0
  protected renewing: Connection | undefined
  /** The next connection may be renewed or pinged. */
  protected isSweepDue = false
  protected readonly counts = {
    timedOut: 0,
    refused: 0,
    opened: 0,
    openFailures: 0,
    closed: 0,
    aborted: 0,
    failedInARow: 0
  }

  constructor(protected readonly rules: Rules) {}

  protected say = (words: string) => void this.words.push(words)

  protected inStage = (...stages: ReadonlyArray<Stage>) =>
    this.connections.filter(({ stage }) => stages.includes(stage)).sort((a, b) => a.id - b.id)

  protected idle = () => this.line.filter(({ stage }) => stage === "idle")
  protected leased = () => this.inStage("leased").sort((a, b) => a.holder! - b.holder!)
  protected live = () => this.inStage("opening", ...OPEN)
  protected isOpen = () => this.phase === "Starting" || this.phase === "Running"
  private nextIdle = () => this.rules.order === "lifo" ? this.idle().at(-1) : this.idle()[0]

  /** Why it is not to be handed out any more. */
  protected unfit({ expiresAt, uses }: Connection): CloseReason | undefined {
    if (this.phase === "Closing") return "Shutdown"
    if (this.now >= expiresAt) return "MaxLifetime"
    return uses >= this.rules.maxUses ? "MaxUses" : undefined
  }

  protected grant(it: Connection): void {
    const { number } = this.waiters.shift()!
    this.line = this.line.filter((other) => other !== it)
    it.stage = "leased"
    it.holder = number
    this.say(`ticket ${number} gets ${it.id}`)
  }

  protected close(it: Connection, reason: CloseReason): void {
    this.line = this.line.filter((other) => other !== it)
    it.stage = "closing"
    it.holder = undefined
    it.closedFor = reason
    // One that broke needs no successor any more.
    if (it === this.renewing && reason !== "MaxLifetime") this.endRenewal()
    this.say(`close ${it.id}: ${reason}`)
  }

  protected endRenewal(): void {
    this.renewing = undefined
    this.isSweepDue = true
  }

  protected check(it: Connection, stage: "checking" | "probing", step: "check" | "ping"): void {
    it.stage = stage
    it.checkBegan = this.now
    it.pinged = step === "ping"
    this.say(`${step} ${it.id}`)
  }

  /** The connection being renewed makes room for its successor where nothing opens, nothing can, and openings do not fail. */
  protected givesWay(it: Connection): boolean {
    return it === this.renewing && this.isOpen() && this.inStage("opening").length === 0 &&
      this.now >= this.notBefore &&
      this.connections.length >= this.rules.maxSize
  }

  /** Nobody waits for whom something can be done, and no connection is missing that can be opened. */
  protected settle(): void {
    this.serve()
    for (let purpose = this.wanted(); purpose !== undefined && this.mayOpen(); purpose = this.wanted()) {
      if (this.now < this.notBefore) break
      this.begin(purpose)
    }
    const old = this.renewing
    if (old?.stage === "idle" && this.givesWay(old)) this.close(old, "MaxLifetime")
    this.denyOverdue()
  }

  private serve(): void {
    for (let it = this.nextIdle(); it !== undefined && this.waiters.length > 0; it = this.nextIdle()) {
      const reason = this.unfit(it)
      if (reason !== undefined) this.close(it, reason)
      else if (this.isFresh(it)) this.grant(it)
      else if (this.waiters.length > this.inStage("checking").length) this.check(it, "checking", "check")
      else return
    }
  }

  private isFresh({ verifiedAt }: Connection): boolean {
    const { checkAfterIdle } = this.rules
    return checkAfterIdle > 0 && this.now <= verifiedAt + checkAfterIdle
  }

  private mayOpen = () =>
    this.isOpen() && this.connections.length < this.rules.maxSize &&
    this.inStage("opening").length < this.rules.maxConnecting

  /** What the next connection would be opened for: waiters come first. */
  private wanted(): OpenPurpose | undefined {
    if (this.waiters.length > this.inStage("opening", "checking").length) return "Waiter"
    if (this.live().length < Math.max(this.rules.minSize, this.target)) return "Refill"
    return this.renewing !== undefined && !this.inStage("opening").some(({ purpose }) => purpose === "Successor")
      ? "Successor"
      : undefined
  }

  private begin(purpose: OpenPurpose): void {
    const id = this.begun++
    this.connections.push({
      id,
      purpose,
      watermark: this.drawn,
      stage: "opening",
      opened: false,
      retireAt: Infinity,
      expiresAt: Infinity,
      uses: 0,
      condemned: undefined,
      holder: undefined,
      idleSince: 0,
      verifiedAt: 0,
      checkBegan: 0,
      pinged: false,
      closedFor: undefined
    })
    this.say(`open ${id} for ${purpose}`)
  }

  private denyOverdue(): void {
    const late = this.waiters.filter(({ ticket }) => ticket.deadline <= this.now)
    late.sort((a, b) => a.ticket.deadline - b.ticket.deadline || a.number - b.number)
    for (const waiter of late) {
      const place = this.waiters.indexOf(waiter) + 1
      this.waiters = this.waiters.filter((other) => other !== waiter)
      this.counts.timedOut++
      this.say(`ticket ${waiter.number}: TimedOut after ${this.now - waiter.ticket.since} at place ${place}`)
    }
  }

  /** The keeper looks at everything: what is too old or too long idle, what is to be replaced, what is to be pinged. */
  protected sweep(): void {
    this.isSweepDue = false
    for (const it of this.idle()) {
      if (this.now >= it.expiresAt) this.close(it, "MaxLifetime")
      else if (this.now >= it.idleSince + this.rules.idleTimeout && this.live().length > this.rules.minSize) {
        this.close(it, "IdleTimeout")
      }
    }
    this.renewing ??= this.renewable().filter(({ retireAt }) => retireAt <= this.now)
      .sort((a, b) => a.retireAt - b.retireAt)[0]
    const longest = this.pingable().filter(({ verifiedAt }) => verifiedAt + this.rules.keepalive <= this.now)
      .sort((a, b) => a.verifiedAt - b.verifiedAt)[0]
    if (longest !== undefined) this.check(longest, "probing", "ping")
    if (this.live().length <= this.rules.minSize) this.surplusSince = Infinity
  }

  private renewable = () =>
    [
      ...this.idle(),
      ...this.leased(),
      ...this.inStage("checking"),
      ...this.inStage("probing"),
      ...this.inStage("resetting")
    ]
      .filter(({ condemned }) => condemned === undefined)

  private pingable = () => this.connections.some(({ pinged }) => pinged) ? [] : this.idle()

  /**
   * When the keeper has to come at the latest. What was idle for too long while it was needed may stay for another
   * `idleTimeout` when it is surplus: nobody is hurt by it.
   */
  get neededBy(): number {
    if (this.phase === "Closed") return Infinity
    if (this.phase === "Closing") return this.closeBy
    const surplus = this.live().length > this.rules.minSize ? this.idle() : []
    return least([
      ...this.waiters.map(({ ticket }) => ticket.deadline),
      ...this.idle().map(({ expiresAt }) => expiresAt),
      ...surplus.map(({ idleSince, verifiedAt }) =>
        Math.max(idleSince, verifiedAt, this.surplusSince) + this.rules.idleTimeout
      ),
      ...this.renewing === undefined ? this.renewable().map(({ retireAt }) => retireAt) : [],
      ...this.pingable().map(({ verifiedAt }) => verifiedAt + this.rules.keepalive),
      ...this.wanted() !== undefined && this.mayOpen() ? [this.notBefore] : []
    ])
  }

  /** Since when more are open than `minSize`. */
  protected surplusSince = Infinity

  /** As `viewOf` shows a state. */
  get view() {
    const ids = (stage: Stage) => this.inStage(stage).map(({ id }) => id)
    return {
      phase: this.phase,
      waiting: this.waiters.map(({ number }) => number),
      idle: this.idle().map(({ id }) => id),
      leased: this.leased().map(({ holder, id }) => `${id} by ${holder}`),
      opening: this.inStage("opening").map(({ id, purpose }) => `${id} for ${purpose}`),
      checking: ids("checking"),
      probing: ids("probing"),
      resetting: ids("resetting"),
      closing: this.inStage("closing").map(({ closedFor, id }) => `${id}: ${closedFor}`),
      ...this.counts
    }
  }
}
