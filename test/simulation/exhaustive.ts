/**
 * Every sequence of inputs, up to a depth, on a pool so small that they can all be tried: breadth-first over the pure
 * transitions. States that differ only in the names of connections and tickets, or in when all of it happened, are one.
 *
 * In every state that is reached no invariant is broken, nor by any history that leads to a new one, and from every one there is a way
 * to rest.
 */
import * as Cause from "effect/Cause"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Input, Verdict } from "../../packages/core/src/allocator/decision.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { initial, spentCount } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import { nextDue } from "../../packages/core/src/allocator/upkeep.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { fiberNamed, rulesWith } from "../allocator/bench.js"

export interface Limits {
  /** Callers that ask, wait or hold at one time. */
  readonly callers: number
  /** Steps that go wrong in one sequence. */
  readonly faults: number
  /** What an operator does in one sequence. */
  readonly operations: number
  readonly depth: number
}

export interface Result {
  /** States reached, by depth. */
  readonly reached: ReadonlyArray<number>
  readonly states: number
  readonly transitions: number
  /** How often each kind of input was tried. */
  readonly inputs: Readonly<Record<string, number>>
  /** The shortest sequence that breaks a promise, and which. */
  readonly problem: { readonly sequence: ReadonlyArray<string>; readonly problems: ReadonlyArray<string> } | undefined
}

/** Two connections, and times so short that every one of them passes within a few inputs. */
export const rules: Rules = rulesWith({
  maxSize: 2,
  minSize: 0,
  maxWaiters: 2,
  maxConnecting: 1,
  whenDown: "fail",
  idleTimeout: 4,
  maxLifetime: 8,
  lifetimeJitter: 0.5,
  maxUses: 3,
  checkAfterIdle: 1,
  keepalive: 3,
  order: "lifo"
})

interface Node {
  readonly state: State
  readonly now: number
  readonly faults: number
  readonly operations: number
  readonly entry: Entry | undefined
  readonly parent: Node | undefined
  readonly via: string
}

/** A time that is past matters only for so long. */
const LONG_AGO = -9

const relative = (time: number, now: number): number => time === Infinity ? Infinity : Math.max(LONG_AGO, time - now)

/** What of a node matters for what comes after it, with names and times taken out. */
const keyOf = ({ faults, now, operations, state }: Node): string => {
  const names = new Map<number, number>()
  const name = (id: number): number => {
    if (!names.has(id)) names.set(id, names.size)
    return names.get(id)!
  }
  const at = (time: number) => relative(time, now)
  const connection = (
    { expiresAt, id, retireAt }: { readonly id: number; readonly retireAt: number; readonly expiresAt: number }
  ) => [name(id), at(retireAt), at(expiresAt)]
  const { idle, leased, phase, queue, rules, steps, upkeep } = state
  const holders = OrderedMap.values(leased).map(({ ticket }) => ticket.fiber)
  return JSON.stringify([
    faults,
    operations,
    rules.maxSize,
    phase._tag === "Closing"
      ? ["Closing", at(phase.deadline)]
      : phase._tag === "Suspended"
      ? ["Suspended", phase.newcomers, at(phase.until)]
      : phase._tag,
    OrderedMap.values(idle.places).map((entry) => [
      connection(entry.connection),
      entry.uses,
      at(entry.idleSince),
      at(entry.verifiedAt)
    ]),
    OrderedMap.values(leased).map((
      entry
    ) => [connection(entry.connection), entry.uses, entry.condemned, entry.overdue]),
    OrderedMap.values(queue.normal.tickets).map(({ deadline, fiber }) => [at(deadline), holders.indexOf(fiber)]),
    // Of one fiber.
    holders.map((fiber) => holders.indexOf(fiber)),
    OrderedMap.values(steps.opening).map(({ id, purpose, watermark }) => [
      name(id),
      purpose,
      OrderedMap.rank(queue.normal.tickets, watermark)
    ]),
    ([steps.checking, steps.probing] as const).map((entries) =>
      OrderedMap.values(entries).map((entry) => [
        connection(entry.connection),
        entry.uses,
        entry.condemned,
        entry.step,
        at(entry.idleSince),
        at(entry.since),
        OrderedMap.rank(idle.places, entry.place)
      ])
    ),
    OrderedMap.values(steps.resetting).map((entry) => [connection(entry.connection), entry.uses, entry.condemned]),
    OrderedMap.values(steps.closing).map(({ id, opened }) => [name(id), opened]),
    Math.min(upkeep.failedInARow, 2),
    at(upkeep.notBefore),
    upkeep.renewing === undefined ? null : name(upkeep.renewing),
    at(upkeep.sweepAt)
  ])
}

interface Move {
  readonly input: Input
  readonly says: string
  readonly is: "usual" | "fault" | "operation"
}

const verdicts: ReadonlyArray<Verdict> = [
  { _tag: "Keep" },
  { _tag: "Reset" },
  { _tag: "Discard", reason: "Broken" }
]

const cause = Cause.fail("the connect failed")

/** What an operator may do at any moment, short times as everywhere here. */
const operationsAt = (now: number): ReadonlyArray<Input> => [
  { _tag: "Clear", now, abortLeases: false },
  { _tag: "Clear", now, abortLeases: true },
  { _tag: "Recycle", now, within: 2 },
  { _tag: "Suspend", now, newcomers: "wait", until: now + 2 },
  { _tag: "Suspend", now, newcomers: "refuse", until: Infinity },
  { _tag: "Resume", now },
  { _tag: "Resize", now, sizes: { maxSize: 1 } },
  { _tag: "Resize", now, sizes: { maxSize: 2 } },
  { _tag: "Suspect", now },
  { _tag: "Drain", now, ticket: new Ticket(now, Infinity) }
]

/** Everything that can happen next. */
const moves = ({ now, state }: Node, { callers }: Limits): ReadonlyArray<Move> => {
  const { idle, leased, phase, queue, steps } = state
  const all: Array<Move> = []
  const add = (input: Input, says: string, isFault = false) =>
    all.push({ input, says, is: isFault ? "fault" : "usual" })
  if (leased.size + WaitQueue.size(queue) < callers && phase._tag !== "Closed") {
    for (const patience of [0, 2, Infinity]) {
      const ticket = new Ticket(now, now + patience, fiberNamed("somebody"))
      add({ _tag: "Take", now, ticket }, `take, waiting for ${patience}`)
    }
    add({ _tag: "Claim", now, ticket: new Ticket(now, now, fiberNamed("somebody")) }, "claim")
    for (const { number, ticket: { fiber } } of OrderedMap.values(leased)) {
      if (OrderedMap.some(queue.normal.tickets, (other) => other.fiber === fiber)) continue
      add({ _tag: "Take", now, ticket: new Ticket(now, Infinity, fiber) }, `holder ${number} takes another`)
    }
  }
  for (const number of OrderedMap.keys(queue.normal.tickets)) {
    add({ _tag: "Leave", now, number, verdict: verdicts[0]! }, `waiter ${number} leaves`)
  }
  for (const { number } of OrderedMap.values(leased)) {
    for (const verdict of verdicts) {
      add({ _tag: "Leave", now, number, verdict }, `holder ${number} gives back: ${verdict._tag}`)
    }
  }
  for (const { id } of OrderedMap.values(steps.opening)) {
    add({ _tag: "Opened", now, id, spread: 1 }, `connection ${id} is open`)
    add({ _tag: "OpenFailed", now, id, cause, jitter: 0 }, `opening ${id} fails`, true)
  }
  for (const entries of [steps.checking, steps.probing]) {
    for (const { connection: { id } } of OrderedMap.values(entries)) {
      add({ _tag: "Checked", now, id, passed: true }, `check of ${id} passes`)
      add({ _tag: "Checked", now, id, passed: false }, `check of ${id} fails`, true)
    }
  }
  for (const { connection: { id } } of OrderedMap.values(steps.resetting)) {
    add({ _tag: "ResetDone", now, id, passed: true }, `reset of ${id} passes`)
    add({ _tag: "ResetDone", now, id, passed: false }, `reset of ${id} fails`, true)
  }
  for (const { id } of OrderedMap.values(steps.closing)) {
    add({ _tag: "Closed", now, id, aborted: false }, `${id} is closed`)
    add({ _tag: "Closed", now, id, aborted: true }, `${id} is aborted`, true)
  }
  for (const entries of [idle.places, leased, steps.checking, steps.probing, steps.resetting] as const) {
    for (const { connection: { id } } of OrderedMap.values<{ readonly connection: { readonly id: number } }>(entries)) {
      add({ _tag: "Condemn", now, id, reason: "Lost" }, `${id} dies`, true)
    }
  }
  const due = nextDue(state, now)
  for (const later of new Set([now + 1, now + 2, ...due > now && due < Infinity ? [due] : []])) {
    // The alarm clock rings when something is due: time does not go further before it has.
    if (later <= Math.max(due, now)) add({ _tag: "Tick", now: later }, `it is ${later}`)
  }
  if (due <= now) add({ _tag: "Tick", now }, "the alarm rings")
  if (phase._tag !== "Closing" && phase._tag !== "Closed") {
    add({ _tag: "Shutdown", now, ticket: new Ticket(now, now + 3) }, "the pool closes")
    for (const input of operationsAt(now)) all.push({ input, says: `operation: ${input._tag}`, is: "operation" })
  }
  return all
}

/** Ends everything that is under way, well, until nothing is; then closes the pool. What is left over, if anything is. */
const wayToRest = (node: Node): ReadonlyArray<string> => {
  let { now, state } = node
  for (let round = 0; round < 200; round++) {
    const { idle, leased, phase, queue, steps } = state
    if (phase._tag === "Closed") return spentCount(state) === 0 ? [] : ["closed, with permits spent"]
    const lease = OrderedMap.first(leased)
    const step = OrderedMap.first(steps.opening)
    const check = OrderedMap.first(steps.checking) ?? OrderedMap.first(steps.probing)
    const reset = OrderedMap.first(steps.resetting)
    const closing = OrderedMap.first(steps.closing)
    const due = nextDue(state, now)
    const input: Input = closing !== undefined
      ? { _tag: "Closed", now, id: closing.id, aborted: false }
      : reset !== undefined
      ? { _tag: "ResetDone", now, id: reset.connection.id, passed: true }
      : check !== undefined
      ? { _tag: "Checked", now, id: check.connection.id, passed: true }
      : step !== undefined
      ? { _tag: "Opened", now, id: step.id, spread: 1 }
      : lease !== undefined
      ? { _tag: "Leave", now, number: lease.number, verdict: verdicts[0]! }
      : phase._tag === "Suspended"
      ? { _tag: "Resume", now }
      : WaitQueue.size(queue) > 0
      ? { _tag: "Tick", now: now = Math.max(now, Math.min(due, now + 10)) }
      : phase._tag === "Closing"
      ? { _tag: "Tick", now: now = phase.deadline }
      : { _tag: "Shutdown", now, ticket: new Ticket(now, now + 3) }
    if (idle.places.size > state.rules.maxSize) return ["more idle than permits"]
    state = transition(state, input)[1]
  }
  return ["no rest after 200 inputs that went well"]
}

/** All that led to it, oldest first. */
const historyOf = ({ entry, parent }: Node): ReadonlyArray<Entry> =>
  parent === undefined || entry === undefined ? [] : [...historyOf(parent), entry]

const sequenceOf = (node: Node | undefined): ReadonlyArray<string> =>
  node === undefined || node.parent === undefined ? [] : [...sequenceOf(node.parent), node.via]

export const explore = (limits: Limits): Result => {
  const start: Node = {
    state: initial(rules),
    now: 0,
    faults: 0,
    operations: 0,
    entry: undefined,
    parent: undefined,
    via: ""
  }
  const seen = new Set([keyOf(start)])
  const inputs: Record<string, number> = {}
  const reached = [1]
  let frontier: ReadonlyArray<Node> = [start]
  let transitions = 0
  for (let depth = 1; depth <= limits.depth && frontier.length > 0; depth++) {
    const next: Array<Node> = []
    for (const node of frontier) {
      for (const { input, is, says } of moves(node, limits)) {
        const faults = node.faults + (is === "fault" ? 1 : 0)
        const operations = node.operations + (is === "operation" ? 1 : 0)
        if (faults > limits.faults || operations > limits.operations) continue
        const [decision, state] = transition(node.state, input)
        transitions++
        inputs[input._tag] = (inputs[input._tag] ?? 0) + 1
        const entry: Entry = { input, decision, state }
        const child: Node = { state, now: input.now, faults, operations, entry, parent: node, via: says }
        const key = keyOf(child)
        const isNew = !seen.has(key)
        const problems = [
          ...isNew
            ? [...brokenIn(start.state, historyOf(child)), ...brokenBy(state, input.now), ...wayToRest(child)]
            : brokenIn(node.state, [entry])
        ]
        if (problems.length > 0) {
          return { reached, states: seen.size, transitions, inputs, problem: { sequence: sequenceOf(child), problems } }
        }
        if (!isNew) continue
        seen.add(key)
        next.push(child)
      }
    }
    frontier = next
    reached.push(next.length)
  }
  return { reached, states: seen.size, transitions, inputs, problem: undefined }
}
