/** The reference model's keeper: what is due by time alone, and when it is. */
import type { Connection, Stage } from "./modelPool.js"
import { ModelPool } from "./modelPool.js"

const least = (numbers: ReadonlyArray<number>): number => Math.min(Infinity, ...numbers)

/** In milliseconds. */
const MINUTE = 60_000

export abstract class ModelUpkeep extends ModelPool {
  private peakLeased = 0
  /** How many were in use at most, minute by minute, the present one last; and when that began. */
  private minutes = [0]
  private minuteSince = 0
  /** Since when more are idle than have to be. */
  private surplusSince = Infinity

  protected noteUse(): void {
    const inUse = this.leased().length
    this.peakLeased = Math.max(this.peakLeased, inUse)
    // Of minutes in which nobody looked, no more were in use than when somebody looks again.
    for (; this.now - this.minuteSince >= MINUTE; this.minuteSince += MINUTE) this.minutes.push(inUse)
    this.minutes.push(Math.max(this.minutes.pop()!, inUse))
  }

  /** What at least two of the last four minutes needed. */
  private get recurringPeak(): number {
    return [0, 0, 0, ...this.minutes].slice(-4).sort((a, b) => b - a)[1]!
  }

  private hasSurplus = () =>
    this.live().length > Math.max(this.rules.minSize, this.recurringPeak) && this.idle().length > this.rules.minIdle

  private watched = () =>
    this.leased().filter(({ holder, overdue }) => !holder!.ticket.manner.isLong && overdue !== "aborted")

  private leaseDue = ({ leasedAt, overdue }: Connection): number =>
    leasedAt + (overdue === undefined ? Math.min(this.rules.leakThreshold, this.rules.maxLease) : this.rules.maxLease)

  /** What is held for too long is reported, and then aborted. */
  private watchLeases(): void {
    for (const it of this.watched()) {
      const age = this.now - it.leasedAt
      if (age >= this.rules.maxLease) {
        this.abort(it, "MaxLease")
      } else if (age >= this.rules.leakThreshold && it.overdue === undefined) {
        it.overdue = "reported"
        this.say(`report ${it.holder!.number}`)
      }
    }
  }

  /** Its holder gives it back, and then it is closed. */
  protected abort(it: Connection, reason: "MaxLease" | "Cleared"): void {
    if (it.overdue === "aborted") return
    it.overdue = "aborted"
    it.condemned ??= reason
    this.say(`abort ${it.id}: ${reason}`)
  }

  /** The keeper looks at everything: what is too old or too long idle, what is to be replaced, what is to be pinged. */
  protected sweep(): void {
    this.watchLeases()
    this.noteUse()
    for (const it of this.idle()) {
      if (this.now >= it.expiresAt) this.close(it, it.endsAs)
      else if (this.now >= it.idleSince + this.rules.idleTimeout && this.hasSurplus()) this.close(it, "IdleTimeout")
    }
    this.renewing ??= this.renewable().filter(({ retireAt }) => retireAt <= this.now)
      .sort((a, b) => a.retireAt - b.retireAt)[0]
    const longest = this.pingable().filter(({ verifiedAt }) => verifiedAt + this.rules.keepalive <= this.now)
      .sort((a, b) => a.verifiedAt - b.verifiedAt || 0)[0]
    if (longest !== undefined) this.check(longest, "probing", "ping")
    if (!this.hasSurplus()) this.surplusSince = Infinity
    this.isSweepDue = false
  }

  /** After each input. */
  protected endStep(): void {
    this.counts.peakWaiting = Math.max(this.counts.peakWaiting, this.waiters.length)
    this.surplusSince = this.hasSurplus() ? Math.min(this.surplusSince, this.now) : Infinity
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

  private pingable = () =>
    this.phase === "Suspended" || this.connections.some(({ pinged }) => pinged) ? [] : this.idle()

  /**
   * When the keeper has to come at the latest. What was idle for too long while it was needed may stay for another
   * `idleTimeout` when it is surplus: nobody is hurt by it. What is suspect need not be pinged: it is checked before it is used. Nor need what
   * a pool that drains will close soon.
   */
  get neededBy(): number {
    if (this.phase === "Closed") return Infinity
    if (this.phase === "Closing") return this.closeBy
    return least([
      ...this.waiters.map(({ ticket }) => ticket.deadline),
      ...this.judgements(),
      ...this.phase === "Suspended" ? [this.suspension.until] : [],
      ...this.watched().map(this.leaseDue),
      ...this.idle().map(({ expiresAt }) => expiresAt),
      ...this.hasSurplus()
        ? this.idle().map(({ idleSince, verifiedAt }) =>
          Math.max(idleSince, verifiedAt, this.surplusSince) + this.rules.idleTimeout
        )
        : [],
      ...this.renewing === undefined ? this.renewable().map(({ retireAt }) => retireAt) : [],
      ...this.pingable().filter(({ verifiedAt }) => verifiedAt > -Infinity && this.phase !== "Draining")
        .map(({ verifiedAt }) => verifiedAt + this.rules.keepalive),
      ...this.wanted() !== undefined && this.mayOpen() ? [this.notBefore] : []
    ])
  }

  /** As `viewOf` shows a state. */
  get view() {
    const ids = (stage: Stage) => this.inStage(stage).map(({ id }) => id)
    const { maxSize, minIdle, minSize } = this.rules
    return {
      phase: this.phase,
      sizes: { maxSize, minSize, minIdle },
      waiting: this.waiters.map(({ number }) => number),
      idle: this.idle().map(({ id }) => id),
      leased: this.leased().map(({ holder, id }) => `${id} by ${holder!.number}`),
      opening: this.inStage("opening").map(({ id, purpose }) => `${id} for ${purpose}`),
      checking: ids("checking"),
      probing: ids("probing"),
      resetting: ids("resetting"),
      closing: this.inStage("closing").map(({ closedFor, id }) => `${id}: ${closedFor}`),
      peakLeased: this.peakLeased,
      ...this.counts
    }
  }
}
