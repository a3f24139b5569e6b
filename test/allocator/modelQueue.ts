/**
 * The reference model's waiters: one list in order of arrival, no derived structure. Whose turn it is, whose time is over, and who is
 * shed or refused because the pool is overloaded.
 */
import type { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import type { Priority } from "../../packages/core/src/model/options.js"
import type { Rules } from "../../packages/core/src/model/settings.js"

export interface Waiter {
  readonly number: number
  readonly ticket: Ticket
}

/** Of two whose turn it is at the same moment, the one of the first of these goes first. */
const classes: ReadonlyArray<Priority> = ["high", "normal", "low"]

export abstract class ModelQueue {
  protected now = 0
  protected words: Array<string> = []
  /** The events of the pool as a whole. */
  readonly announced: Array<string> = []
  protected waiters: Array<Waiter> = []
  /** How many tickets were drawn. */
  protected drawn = 0
  /** Waits of a class at or above the target: since when without a break, and when one was last. */
  private high: { [P in Priority]?: { readonly since: number; readonly last: number } } = {}
  /** The measurement of how fast connections come back: since when, and how many had come back then. */
  private measured = { since: 0, returns: 0 }
  private rate: { readonly value: number; readonly at: number } | undefined
  protected returns = 0
  protected readonly counts = {
    acquired: 0,
    timedOut: 0,
    refused: 0,
    shed: 0,
    gaveUp: 0,
    peakWaiting: 0,
    opened: 0,
    openFailures: 0,
    closed: 0,
    aborted: 0,
    failedInARow: 0
  }

  constructor(protected rules: Rules) {}

  /** Whether waits say anything of the load now. */
  protected abstract isJudged(): boolean

  protected say = (words: string) => void this.words.push(words)

  private firstOf = (priority: Priority) => this.waiters.find(({ ticket }) => ticket.priority === priority)

  /** In the order in which they are served if nobody else comes: of those that are first of their classes, the earliest turn. */
  private inOrder(): ReadonlyArray<Waiter> {
    const lines = classes.map((priority) => this.waiters.filter(({ ticket }) => ticket.priority === priority))
    return this.waiters.map(() => {
      const [next] = lines.filter((line) => line.length > 0).sort((a, b) => a[0]!.ticket.turn - b[0]!.ticket.turn)
      return next!.shift()!
    })
  }

  protected remove(waiter: Waiter): void {
    this.waiters = this.waiters.filter((other) => other !== waiter)
  }

  protected deny(waiter: Waiter, why: string): void {
    this.remove(waiter)
    this.say(`ticket ${waiter.number}: ${why}`)
  }

  /** Somebody is served: whose turn it is. */
  protected serveNext(): Waiter {
    const next = this.inOrder()[0]!
    this.remove(next)
    this.counts.acquired++
    this.judgeOne(next.ticket.priority, next)
    return next
  }

  /** Somebody has come to wait. */
  protected join(waiter: Waiter): void {
    const { returns, since } = this.measured
    const [time, count] = [this.now - since, this.returns - returns]
    const begins = this.waiters.length === 0
    if (!begins && time >= 1_000 && count >= 10) this.rate = { value: count / time, at: this.now }
    if (begins || (time >= 1_000 && count >= 10)) this.measured = { since: this.now, returns: this.returns }
    if (this.firstOf(waiter.ticket.priority) === undefined) this.fall(waiter.ticket.priority)
    this.waiters.push(waiter)
  }

  /**
   * Whether, as fast as connections have come back in the last ten seconds, its wait is longer than one and a half times what it has.
   * The only one that waits is never told so: somebody has to see how fast they come back now.
   */
  protected isHopeless(waiter: Waiter): boolean {
    const left = waiter.ticket.deadline - this.now
    if (this.rules.overload === undefined || !this.isJudged() || left <= 0 || this.waiters.length === 1) return false
    return this.rate !== undefined && this.now - this.rate.at <= 10_000 &&
      (this.inOrder().indexOf(waiter) + 1) / this.rate.value > left * 1.5
  }

  protected denyOverdue(): void {
    const order = this.inOrder()
    const late = this.waiters.filter(({ ticket }) => ticket.deadline <= this.now)
    for (const waiter of late) {
      this.counts.timedOut++
      this.deny(waiter, `TimedOut after ${this.now - waiter.ticket.since} at place ${order.indexOf(waiter) + 1}`)
    }
  }

  /** Waits were high for an interval, and one was within the last interval. */
  private isOverloaded(priority: Priority): boolean {
    const { overload } = this.rules
    const high = this.high[priority]
    return overload !== undefined && high !== undefined && high.last - high.since >= overload.interval &&
      this.now - high.last <= overload.interval
  }

  private isLate = (waiter: Waiter | undefined): waiter is Waiter =>
    waiter !== undefined && this.now - waiter.ticket.since >= this.rules.overload!.target

  /** Waits are not high: a break, unless the class is overloaded already. */
  private fall(priority: Priority): void {
    if (!this.isOverloaded(priority)) delete this.high[priority]
  }

  /** Somebody is served, or is next. */
  private judgeOne(priority: Priority, waiter: Waiter): void {
    const { overload } = this.rules
    if (overload === undefined || !this.isJudged()) return
    if (!this.isLate(waiter)) return this.fall(priority)
    const high = this.high[priority]
    const lateAt = waiter.ticket.since + overload.target
    const goesOn = high !== undefined && lateAt - high.last <= overload.interval
    this.high[priority] = { since: goesOn ? high.since : this.now, last: this.now }
  }

  /** What was before says nothing any more. */
  protected judgeAnew(): void {
    this.high = {}
  }

  /** Turns away those of an overloaded class who have waited too long, the lowest class first, but never the last that waits. */
  protected shed(): void {
    if (this.rules.overload === undefined || !this.isJudged()) return
    for (const priority of [...classes].reverse()) {
      const next = this.firstOf(priority)
      if (next === undefined) this.fall(priority)
      else if (this.isLate(next)) this.judgeOne(priority, next)
      if (!this.isOverloaded(priority)) continue
      for (let first = next; this.isLate(first) && this.waiters.length > 1; first = this.firstOf(priority)) {
        this.counts.shed++
        this.deny(first, "Overloaded")
      }
    }
  }

  /** When waits have to be looked at again. */
  protected judgements(): ReadonlyArray<number> {
    const { overload } = this.rules
    if (overload === undefined || !this.isJudged()) return []
    return classes.flatMap((priority) => {
      const next = this.firstOf(priority)
      if (next === undefined) return []
      const lateAt = next.ticket.since + overload.target
      const high = this.high[priority]
      if (high === undefined || lateAt - high.last > overload.interval) return [lateAt]
      const isLong = this.now - high.since >= overload.interval
      return isLong && this.waiters.length === 1
        ? []
        : [isLong ? lateAt : Math.max(lateAt, high.since + overload.interval)]
    })
  }
}
