/**
 * The reference model's pool: one list of connections, one list of waiters, no derived structure, nothing kept for speed.
 * Here is what is done for whoever waits; `modelUpkeep.ts` says what is due, and `model.ts` what each input does.
 */
import type { CloseReason, OpenPurpose } from "../../packages/core/src/model/events.js"
import type { Waiter } from "./modelQueue.js"
import { ModelQueue } from "./modelQueue.js"

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
  endsAs: "MaxLifetime" | "Recycled"
  uses: number
  condemned: CloseReason | undefined
  holder: Waiter | undefined
  leasedAt: number
  overdue: undefined | "reported" | "aborted"
  idleSince: number
  /** -Infinity: it is suspect. */
  verifiedAt: number
  checkBegan: number
  pinged: boolean
  closedFor: CloseReason | undefined
}

export abstract class ModelPool extends ModelQueue {
  protected phase: "Starting" | "Running" | "Suspended" | "Draining" | "Closing" | "Closed" = "Running"
  protected target = 0
  protected suspension: { readonly newcomers: "wait" | "refuse"; readonly until: number } = {
    newcomers: "wait",
    until: Infinity
  }
  protected closeBy = Infinity
  /** Who waits for the pool's end. */
  protected enders: Array<"shutdown" | "drain"> = []
  /** Every connection that has a permit. */
  protected connections: Array<Connection> = []
  /** Those that are idle, the longest idle first. Who is checked or pinged keeps its place in the line. */
  protected line: Array<Connection> = []
  /** How many openings were begun. */
  private begun = 0
  protected notBefore = 0
  protected renewing: Connection | undefined
  /** The next connection may be renewed or pinged. */
  protected isSweepDue = false

  protected inStage = (...stages: ReadonlyArray<Stage>) =>
    this.connections.filter(({ stage }) => stages.includes(stage)).sort((a, b) => a.id - b.id)

  protected idle = () => this.line.filter(({ stage }) => stage === "idle")
  protected leased = () => this.inStage("leased").sort((a, b) => a.holder!.number - b.holder!.number)
  protected live = () => this.inStage("opening", ...OPEN)
  /** Whether it is to go on, so that connections are opened in advance. */
  protected goesOn = () => this.phase === "Starting" || this.phase === "Running"
  protected isClosing = () => this.phase === "Closing" || this.phase === "Closed"
  protected isGrowing = () => {
    const opening = this.inStage("opening").length
    return opening > 0 && opening >= this.inStage(...OPEN).length
  }
  protected isJudged = () => !this.isGrowing() && this.phase !== "Suspended"
  private nextIdle = () => this.rules.order === "lifo" ? this.idle().at(-1) : this.idle()[0]

  /** Somebody has got a connection: the most that were in use are kept. */
  protected abstract noteUse(): void

  /** Why it is not to be handed out any more. */
  private unfit({ endsAs, expiresAt, uses }: Connection): CloseReason | undefined {
    if (this.phase === "Closing") return "Shutdown"
    if (this.now >= expiresAt) return endsAs
    return uses >= this.rules.maxUses ? "MaxUses" : undefined
  }

  /** Why one that was out does not come back. */
  protected mustGo(it: Connection, broken: CloseReason | undefined): CloseReason | undefined {
    const reason = it.condemned ?? broken ?? this.unfit(it)
    if (reason !== undefined) return reason
    if (this.live().filter((other) => other !== it).length >= this.rules.maxSize) return "Resized"
    if (this.phase === "Draining" && this.waiters.length === 0) return "Shutdown"
    return this.givesWay(it) ? it.endsAs : undefined
  }

  protected grant(it: Connection): void {
    it.holder = this.serveNext()
    this.line = this.line.filter((other) => other !== it)
    it.stage = "leased"
    it.leasedAt = this.now
    it.overdue = undefined
    this.say(`ticket ${it.holder.number} gets ${it.id}`)
    this.noteUse()
  }

  protected close(it: Connection, reason: CloseReason): void {
    this.line = this.line.filter((other) => other !== it)
    it.stage = "closing"
    it.holder = undefined
    it.pinged = false
    it.closedFor = reason
    // One that ends by its age is still to be replaced; another needs no successor any more.
    if (it === this.renewing && reason !== "MaxLifetime" && reason !== "Recycled") this.endRenewal()
    this.say(`close ${it.id}: ${reason}`)
  }

  /** Ends all that is neither leased nor closing already. */
  protected endAll(reason: CloseReason): void {
    for (const it of this.inStage("opening", "idle", "checking", "probing", "resetting")) {
      this.close(it, it.condemned ?? reason)
    }
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
  private givesWay(it: Connection): boolean {
    return it === this.renewing && this.goesOn() && this.inStage("opening").length === 0 &&
      this.now >= this.notBefore &&
      this.connections.length >= this.rules.maxSize
  }

  /** Nobody waits for whom something can be done, and no connection is missing that can be opened. */
  protected settle(): void {
    const { begun } = this
    if (this.phase === "Suspended" && this.now >= this.suspension.until) this.resume()
    this.shed()
    if (this.phase !== "Suspended") this.serve()
    for (let purpose = this.wanted(); purpose !== undefined && this.mayOpen(); purpose = this.wanted()) {
      if (this.now < this.notBefore) break
      this.begin(purpose)
    }
    const old = this.renewing
    if (old?.stage === "idle" && this.givesWay(old)) {
      this.close(old, old.endsAs)
      // Behind it another may be ready.
      if (this.phase !== "Suspended") this.serve()
    }
    this.denyOverdue()
    this.breakDeadlock()
    this.goOnDraining()
    if (this.begun > begun && this.isGrowing()) this.judgeAnew()
  }

  protected resume(): void {
    this.announced.push("PoolResumed")
    this.phase = "Running"
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

  /** The connection whose turn it is, where it can be handed out as it is. */
  protected ready(): Connection | undefined {
    const it = this.nextIdle()
    return it !== undefined && this.unfit(it) === undefined && this.isFresh(it) ? it : undefined
  }

  /** Whether another would have to be opened if one were handed out, to have as many spare as there are to be. */
  protected lacksSpare(): boolean {
    const spare = this.live().length - this.leased().length - this.waiters.length
    return spare - 1 < this.rules.minIdle && this.mayOpen()
  }

  private isFresh({ verifiedAt }: Connection): boolean {
    const { canCheck, checkAfterIdle } = this.rules
    if (!canCheck) return true
    if (verifiedAt === -Infinity) return false
    return checkAfterIdle > 0 && this.now <= verifiedAt + checkAfterIdle
  }

  protected mayOpen = () =>
    (this.goesOn() || (this.phase === "Draining" && this.waiters.length > 0)) &&
    this.connections.length < this.rules.maxSize &&
    this.inStage("opening").length < this.rules.maxConnecting

  /** What the next connection would be opened for: waiters come first. */
  protected wanted(): OpenPurpose | undefined {
    if (this.waiters.length > this.inStage("opening", "checking").length) return "Waiter"
    if (!this.goesOn()) return undefined
    const spare = this.live().length - this.leased().length - this.waiters.length
    if (this.live().length < Math.max(this.rules.minSize, this.target) || spare < this.rules.minIdle) return "Refill"
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
      endsAs: "MaxLifetime",
      uses: 0,
      condemned: undefined,
      holder: undefined,
      leasedAt: 0,
      overdue: undefined,
      idleSince: 0,
      verifiedAt: 0,
      checkBegan: 0,
      pinged: false,
      closedFor: undefined
    })
    this.say(`open ${id} for ${purpose}`)
  }

  /** Where every permit is leased and every holder's own fiber waits, the last of them to ask is told. */
  private breakDeadlock(): void {
    const leased = this.leased()
    if (leased.length < this.rules.maxSize || this.connections.length > leased.length) return
    const nested = leased.map(({ holder }) =>
      this.waiters.find(({ ticket: { fiber } }) => fiber !== undefined && fiber === holder!.ticket.fiber)
    )
    if (nested.includes(undefined)) return
    const last = nested.reduce((a, b) => (a!.number > b!.number ? a : b))
    if (last !== undefined) this.deny(last, "Deadlock")
  }

  /** A pool that drains keeps nothing for later. */
  private goOnDraining(): void {
    if (this.phase !== "Draining" || this.waiters.length > 0) return
    this.endAll("Shutdown")
    this.finishIfEmpty()
  }

  protected abstract finishIfEmpty(): void
}
