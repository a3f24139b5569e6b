/**
 * The allocator on a bench: without its TRef, one input after the other, on a clock that the test moves. It keeps the
 * history, rings as the pool's keeper would, and refuses to go on from a state that breaks a promise.
 */
import * as Cause from "effect/Cause"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Decision, Input, Verdict, Work } from "../../packages/core/src/allocator/decision.js"
import { keep } from "../../packages/core/src/allocator/decision.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { initial, servedCount } from "../../packages/core/src/allocator/state.js"
import type { Denial } from "../../packages/core/src/allocator/Ticket.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Asker } from "../../packages/core/src/model/asker.js"
import type { CloseReason } from "../../packages/core/src/model/events.js"
import type { Priority } from "../../packages/core/src/model/options.js"
import type { Rules } from "../../packages/core/src/model/settings.js"

/** An input that still has to be given the time. */
export type Timeless<I = Input> = I extends unknown ? Omit<I, "now"> : never

export type Transition = (state: State, input: Input) => readonly [Decision, State]

/** Rules that do nothing by themselves, so that a test turns on what it is about. */
export const rulesWith = (rules: Partial<Rules>): Rules => ({
  maxSize: 2,
  minSize: 0,
  minIdle: 0,
  maxWaiters: Infinity,
  overload: undefined,
  maxConnecting: Infinity,
  whenDown: "fail",
  idleTimeout: Infinity,
  maxLifetime: Infinity,
  lifetimeJitter: 0,
  maxUses: Infinity,
  concurrency: 1,
  checkAfterIdle: Infinity,
  canCheck: rules.checkAfterIdle !== undefined && rules.checkAfterIdle < Infinity,
  keepalive: Infinity,
  maxLease: Infinity,
  leakThreshold: Infinity,
  order: "lifo",
  ...rules
})

/** More inputs than any test commits on one bench: a loop that never ends fails instead. */
const FOR_EVER = 5_000

export const refusedConnection = Cause.fail("connection refused")

const denied = (denial: Denial): string =>
  denial._tag === "TimedOut" ? `TimedOut after ${denial.waited} at place ${denial.place}` : denial._tag

/** By how much a class goes before the one below it, in milliseconds. */
export const AGEING = 20

const headStarts: Record<Priority, number> = { high: AGEING, normal: 0, low: -AGEING }

/** How a caller asks. */
export interface Call {
  readonly within?: number
  readonly priority?: Priority
  readonly fiber?: Asker | undefined
  readonly isLong?: boolean
  readonly mayShare?: boolean
  readonly party?: object | undefined
}

/** A fiber, of which the allocator only knows whether it is the same. */
export const fiberNamed = (name: string): Asker => ({ name }) as unknown as Asker

/** What a state shows to whoever asks, as plain data. */
export const viewOf = (state: State) => {
  const { idle, leased, phase, queue, rules: { maxSize, minIdle, minSize }, steps, upkeep } = state
  return ({
    phase: phase._tag,
    sizes: { maxSize, minSize, minIdle },
    waiting: WaitQueue.entries(queue).map(([number]) => number).sort((a, b) => a - b),
    idle: OrderedMap.values(idle.places).map(({ connection }) => connection.id),
    leased: OrderedMap.values(leased).map(({ connection, number }) => `${connection.id} by ${number}`),
    opening: OrderedMap.values(steps.opening).map(({ id, purpose }) => `${id} for ${purpose}`),
    checking: OrderedMap.keys(steps.checking),
    probing: OrderedMap.keys(steps.probing),
    resetting: OrderedMap.keys(steps.resetting),
    closing: OrderedMap.values(steps.closing).map(({ id, reason }) => `${id}: ${reason}`),
    peakLeased: upkeep.peaks.ever,
    peakWaiting: upkeep.mostWaiting,
    acquired: servedCount(state),
    timedOut: upkeep.timedOut,
    refused: upkeep.refused,
    shed: upkeep.shed,
    gaveUp: upkeep.gaveUp,
    opened: upkeep.opened,
    openFailures: upkeep.openFailures,
    closed: upkeep.closed,
    aborted: upkeep.aborted,
    failedInARow: upkeep.failedInARow
  })
}

export class Bench {
  state: State
  now = 0
  readonly initial: State
  readonly history: Array<Entry> = []
  /** All that was decided, in words. */
  readonly said: Array<string> = []
  /** The events of the pool as a whole, in their order. */
  readonly announced: Array<string> = []
  /** When the keeper rings: the times always fall, as in `Keeper`. */
  private alarms: Array<number> = []
  private readonly names = new Map<Ticket, string>()

  constructor(rules: Partial<Rules> = {}, private readonly transition_: Transition = transition) {
    this.initial = this.state = initial(rulesWith(rules))
  }

  /** When the keeper rings next. */
  get alarm(): number {
    return this.alarms.at(-1) ?? Infinity
  }

  /** Commits an input, and says in words what was decided. */
  commit(timeless: Timeless): ReadonlyArray<string> {
    if (this.history.length === FOR_EVER) throw new Error("it goes on for ever")
    const input = { ...timeless, now: this.now } as Input
    const [decision, state] = this.transition_(this.state, input)
    this.state = state
    this.history.push({ input, decision, state })
    if ((input._tag === "Take" || input._tag === "Claim") && "number" in decision) {
      this.names.set(input.ticket, `ticket ${decision.number}`)
    }
    if (input._tag === "Start" || input._tag === "Shutdown" || input._tag === "Drain") {
      this.names.set(input.ticket, input._tag.toLowerCase())
    }
    if (decision._tag !== "Reuse" && decision.due < this.alarm) this.alarms.push(decision.due)
    // What only time allows may wait for a Tick that is due.
    const broken = this.alarm > this.now ? brokenBy(state, this.now) : []
    if (broken.length > 0) throw new Error(broken.join("\n"))
    const words = this.words(decision)
    this.said.push(...words)
    return words
  }

  private words(decision: Decision): ReadonlyArray<string> {
    if (decision._tag === "Reuse") return [`ticket ${decision.number} gets ${decision.connection}`]
    const work = decision.work.flatMap((work) => this.word(work))
    return decision._tag === "Refuse" ? [...work, `refused: ${denied(decision.denial)}`] : work
  }

  private word(work: Work): string | ReadonlyArray<string> {
    switch (work._tag) {
      case "HandOver":
        return `${this.names.get(work.ticket)} gets ${work.connection}`
      case "Deny":
        return `${this.names.get(work.ticket)}: ${denied(work.denial)}`
      case "Finish":
        return `${this.names.get(work.ticket)} is done`
      case "End":
        this.announced.push("PoolClosed")
        return []
      case "Gather":
        return "gather"
      case "Elsewhere":
      case "Gone":
      case "Over":
        throw new Error("a plain pool has no keys")
      case "Announce":
        this.announced.push(work.announcement._tag)
        return []
      case "Open":
        return `open ${work.id} for ${work.purpose}`
      case "Check":
        return `${work.step} ${work.id}`
      case "Reset":
        return `reset ${work.id}`
      case "Close":
        return `close ${work.id}: ${work.reason}`
      case "Abort":
        return `abort ${work.holder.connection}: ${work.reason}`
      case "Report":
        return `report ${work.holder.lease}`
      case "ReportEnd":
        return `${work.holder.lease} came back`
      case "Abandon":
        return `abandon ${work.id}`
    }
  }

  /** A ticket that is drawn now. */
  ticket = ({ fiber, isLong = false, mayShare = false, party, priority = "normal", within = Infinity }: Call = {}) =>
    new Ticket(this.now, this.now + within, fiber, {
      priority,
      headStart: headStarts[priority],
      isLong,
      mayShare,
      party,
      origin: undefined
    })

  take = (within = Infinity, call: Call = {}) => this.commit({ _tag: "Take", ticket: this.ticket({ ...call, within }) })
  leave = (number: number, verdict: Verdict = keep) => this.commit({ _tag: "Leave", number, verdict })
  opened = (id: number, spread = 0) => this.commit({ _tag: "Opened", id, spread })
  openFailed = (id: number, jitter = 0, cause: Cause.Cause<unknown> = refusedConnection) =>
    this.commit({ _tag: "OpenFailed", id, cause, jitter })
  checked = (id: number, passed: boolean) => this.commit({ _tag: "Checked", id, passed })
  resetDone = (id: number, passed: boolean) => this.commit({ _tag: "ResetDone", id, passed })
  closed = (id: number, aborted = false) => this.commit({ _tag: "Closed", id, aborted })
  condemn = (id: number, reason: CloseReason = "Lost") => this.commit({ _tag: "Condemn", id, reason })
  tick = () => this.commit({ _tag: "Tick" })
  start = (target: number) => this.commit({ _tag: "Start", target, ticket: this.ticket() })
  shutdown = (within = Infinity) => this.commit({ _tag: "Shutdown", ticket: this.ticket({ within }) })
  drain = () => this.commit({ _tag: "Drain", ticket: this.ticket() })
  clear = (abortLeases = false) => this.commit({ _tag: "Clear", abortLeases })
  recycle = (within: number) => this.commit({ _tag: "Recycle", within })
  suspend = (newcomers: "wait" | "refuse" = "wait", lasts = Infinity) =>
    this.commit({ _tag: "Suspend", newcomers, until: this.now + lasts })
  resume = () => this.commit({ _tag: "Resume" })
  resize = (sizes: Extract<Input, { _tag: "Resize" }>["sizes"]) => this.commit({ _tag: "Resize", sizes })
  suspect = () => this.commit({ _tag: "Suspect" })

  /** Whether the keeper rings now. Each alarm rings once, and a Tick must follow. */
  rings(): boolean {
    return this.alarm <= this.now && this.alarms.pop() !== undefined
  }

  /** Lets time pass, and the keeper ring whenever it is due. */
  elapse(ms: number): ReadonlyArray<string> {
    const until = this.now + ms
    const words: Array<string> = []
    for (;;) {
      this.now = Math.max(this.now, Math.min(this.alarm, until))
      if (this.rings()) words.push(...this.tick())
      else if (this.now === until) return words
    }
  }

  /** Opens this many connections, which are idle then. */
  fill(count: number): void {
    const first = this.state.nextTicket
    for (let index = 0; index < count; index++) this.take()
    for (let id: number | undefined; (id = OrderedMap.firstKey(this.state.steps.opening)) !== undefined;) {
      this.opened(id)
    }
    for (let number = first; number < this.state.nextTicket; number++) this.leave(number)
  }

  get view() {
    return viewOf(this.state)
  }

  /** Every promise that was broken so far. */
  get broken(): ReadonlyArray<string> {
    return brokenIn(this.initial, this.history)
  }
}
