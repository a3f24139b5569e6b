/**
 * A keyed pool's allocator without a pool: commits inputs, keeps what was decided and not done yet, and asks for every promise after each commit.
 */
import * as Cause from "effect/Cause"
import type { Decision, Input, Work } from "../../../packages/core/src/allocator/decision.js"
import { keep } from "../../../packages/core/src/allocator/decision.js"
import { brokenBy } from "../../../packages/core/src/allocator/invariants.js"
import { brokenByKeys } from "../../../packages/core/src/allocator/keys/invariants.js"
import type { Keys, KeysRules } from "../../../packages/core/src/allocator/keys/state.js"
import { initial } from "../../../packages/core/src/allocator/keys/state.js"
import * as Transition from "../../../packages/core/src/allocator/keys/transition.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { Ticket } from "../../../packages/core/src/allocator/Ticket.js"
import { plain, sharing } from "../../../packages/core/src/model/asker.js"
import type { Rules } from "../../../packages/core/src/model/settings.js"
import { rulesWith } from "../bench.js"

/** A step of a connection that runs. */
export interface Running {
  readonly key: number
  readonly id: number
  readonly step: "Open" | "Check" | "Reset" | "Close"
}

/** A caller that has been told nothing yet, or has a connection. */
export interface Caller {
  readonly key: number
  readonly number: number
  readonly ticket: Ticket
  state: "waits" | "holds"
}

type Timeless<I = Input> = I extends unknown ? Omit<I, "now"> : never

const refused = Cause.fail("refused")

export class KeysBench {
  now = 1_000
  keys: Keys
  readonly rules: Rules
  /** What has happened to whom, in words. */
  readonly said: Array<string> = []
  readonly broken: Array<string> = []
  running: ReadonlyArray<Running> = []
  callers: ReadonlyArray<Caller> = []
  isOver = false
  private order = -1
  private readonly due = new Map<number, number>()

  constructor(rules: Partial<KeysRules> = {}, perKey: Partial<Rules> = {}) {
    this.keys = initial({ maxTotal: 2, keyIdleTimeout: 60_000, ...rules })
    this.rules = rulesWith({ maxSize: 10, ...perKey })
  }

  /** Since the last look. */
  told(): ReadonlyArray<string> {
    return this.said.splice(0)
  }

  /** Those that have a connection now. */
  get holders(): ReadonlyArray<Caller> {
    return this.callers.filter(({ state }) => state === "holds")
  }

  add(id: number): void {
    const [decision, keys] = Transition.add(this.keys, id, this.rules, this.now)
    if (decision === undefined) return void this.said.push(`key ${id} is refused`)
    this.after(id, decision, keys)
  }

  private known(key: number): boolean {
    return OrderedMap.has(this.keys.all, key)
  }

  take(key: number, within = Infinity, mayShare = false): Caller | undefined {
    if (!this.known(key)) this.add(key)
    const manner = this.rules.concurrency > 1 && mayShare ? sharing : plain
    const ticket = new Ticket(this.now, this.now + within, undefined, manner)
    const decision = this.commit(key, { _tag: "Take", ticket }, (decision) => {
      if (decision._tag === "Act" || decision._tag === "Refuse") return
      const state = decision._tag === "Reuse" ? "holds" : "waits"
      this.callers = [...this.callers, { key, number: decision.number, ticket, state }]
    })
    if (decision._tag === "Reuse") this.said.push(`key ${key}: ${decision.number} gets ${decision.connection}`)
    if (decision._tag === "Refuse") this.said.push(`key ${key}: refused, ${decision.denial._tag}`)
    return this.callers.find((caller) => caller.ticket === ticket)
  }

  leave(caller: Caller): void {
    this.callers = this.callers.filter((other) => other !== caller)
    this.commit(caller.key, { _tag: "Leave", number: caller.number, verdict: keep })
  }

  /** Ends a step, in one way or the other. */
  end(step: Running, succeeds = true): void {
    const { id, key } = step
    this.running = this.running.filter((other) => other !== step)
    switch (step.step) {
      case "Open":
        return void this.commit(
          key,
          succeeds ? { _tag: "Opened", id, spread: 0 } : { _tag: "OpenFailed", id, cause: refused, jitter: 0 }
        )
      case "Check":
        return void this.commit(key, { _tag: "Checked", id, passed: succeeds })
      case "Reset":
        return void this.commit(key, { _tag: "ResetDone", id, passed: succeeds })
      case "Close":
        return void this.commit(key, { _tag: "Closed", id, aborted: !succeeds })
    }
  }

  /** Ends all steps, and those that follow, until nothing runs. */
  endAll(): void {
    for (let step = this.running[0]; step !== undefined; step = this.running[0]) this.end(step)
  }

  condemn(key: number, id: number): void {
    this.commit(key, { _tag: "Condemn", id, reason: "Invalidated" })
  }

  forget(key: number): void {
    const [decision, keys] = Transition.forget(this.keys, key, this.now)
    this.after(key, decision, keys)
  }

  finish(how: "Drain" | "Shutdown", within = Infinity): void {
    const [decision, keys] = Transition.end(this.keys, how, this.now, new Ticket(this.now, this.now + within))
    this.after(-1, decision, keys)
  }

  /** Time passes, and who is due is told at that time. */
  elapse(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const next = [...this.due].sort(([a, atA], [b, atB]) => atA - atB || a - b)[0]
      if (next === undefined || next[1] > until) break
      this.due.delete(next[0])
      this.now = Math.max(this.now, Math.ceil(next[1]))
      if (this.known(next[0])) this.commit(next[0], { _tag: "Tick" })
    }
    this.now = Math.max(this.now, until)
  }

  private commit(key: number, timeless: Timeless, known: (decision: Decision) => void = () => {}): Decision {
    const [decision, keys] = Transition.transitionOf(this.keys, key, { ...timeless, now: this.now } as Input)
    known(decision)
    this.after(key, decision, keys)
    return decision
  }

  private after(key: number, decision: Decision, keys: Keys): void {
    this.keys = keys
    if (decision._tag !== "Reuse") {
      this.arm(key, decision.due)
      if (decision.work.length > 0) {
        if (decision.order !== this.order + 1) this.broken.push(`decision ${decision.order} comes after ${this.order}`)
        this.order = decision.order
      }
      for (const work of decision.work) this.act(key, work)
    }
    this.broken.push(...brokenByKeys(keys, this.now))
    const late = [...this.due.values()].some((due) => due <= this.now)
    for (const { id, state } of OrderedMap.values(keys.all)) {
      const broken = brokenBy(state, this.now).filter((problem) => !(late && problem.startsWith("invariant 5")))
      this.broken.push(...broken.map((problem) => `key ${id}: ${problem}`))
    }
  }

  private arm(key: number, due: number): void {
    if (due < (this.due.get(key) ?? Infinity)) this.due.set(key, due)
  }

  private act(key: number, work: Work): void {
    switch (work._tag) {
      case "Elsewhere": {
        for (const item of work.work) this.act(work.key, item)
        return this.arm(work.key, work.due)
      }
      case "Gone":
        this.due.delete(work.key)
        return void this.said.push(`key ${work.key} is gone`)
      case "Over":
        this.isOver = true
        return void this.said.push("over")
      case "HandOver": {
        const caller = this.callers.find(({ ticket }) => ticket === work.ticket)!
        caller.state = "holds"
        return void this.said.push(`key ${key}: ${caller.number} gets ${work.connection}`)
      }
      case "Deny": {
        const caller = this.callers.find(({ ticket }) => ticket === work.ticket)!
        this.callers = this.callers.filter((other) => other !== caller)
        return void this.said.push(`key ${key}: ${caller.number} ${work.denial._tag}`)
      }
      case "Open":
        return this.begin(key, work.id, "Open", `open ${work.id}`)
      case "Check":
        return this.begin(key, work.id, "Check", `${work.step} ${work.id}`)
      case "Reset":
        return this.begin(key, work.id, "Reset", `reset ${work.id}`)
      case "Close":
        this.running = this.running.filter((step) => step.key !== key || step.id !== work.id)
        return this.begin(key, work.id, "Close", `close ${work.id}: ${work.reason}`)
      case "Abandon":
        this.running = this.running.filter((step) => step.key !== key || step.id !== work.id)
        this.callers = this.callers.filter((caller) => caller.key !== key)
        return
      default:
        return
    }
  }

  private begin(key: number, id: number, step: Running["step"], words: string): void {
    this.running = [...this.running, { key, id, step }]
    this.said.push(`key ${key}: ${words}`)
  }
}
