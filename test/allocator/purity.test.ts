/**
 * A transaction changes nothing but its TRefs, so one that does not commit leaves no trace. Each input is run inside of
 * transactions that fail at once, that retry, and that wait, and every transition on states that cannot be changed.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as STM from "effect/STM"
import * as TestClock from "effect/TestClock"
import * as TRef from "effect/TRef"
import * as fc from "fast-check"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import * as Allocator from "../../packages/core/src/allocator/Allocator.js"
import type { Input } from "../../packages/core/src/allocator/decision.js"
import { keep } from "../../packages/core/src/allocator/decision.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import { Bench, refusedConnection } from "./bench.js"
import { anyLife, anyRules, inputsOf } from "./commands.js"

const rules = { maxSize: 3, maxConnecting: 1, minSize: 1, checkAfterIdle: 10, keepalive: 100 }

/** A bench that something has happened on. */
const benchAfter = (...events: ReadonlyArray<(bench: Bench) => unknown>): Bench => {
  const bench = new Bench(rules)
  for (const event of events) event(bench)
  return bench
}

/** One connection is leased by ticket 0, one is opening, and ticket 1 waits for 150 ms. */
const busy = () => benchAfter((_) => _.take(), (_) => _.opened(0), (_) => _.take(150))

/** One is idle for so long that it is pinged. */
const pinging = () => benchAfter((_) => _.fill(1), (_) => _.elapse(100))

const resetting = () => benchAfter((_) => _.take(), (_) => _.opened(0), (_) => _.leave(0, { _tag: "Reset" }))

/** One connection is idle, and ticket 1 is a seat that waits for another pool, too. */
const seated = () =>
  benchAfter((_) => _.take(), (_) => _.opened(0), (_) => _.leave(0), (_) => _.take(Infinity, { party: {} }))

const idle = () => benchAfter((_) => _.take(), (_) => _.opened(0), (_) => _.leave(0))

const closing = () =>
  benchAfter((_) => _.take(), (_) => _.opened(0), (_) => _.condemn(0), (_) => _.leave(0), (_) => _.take(150))

/** One is idle, and nothing is handed out. */
const suspended = () =>
  benchAfter(
    (_) => _.take(),
    (_) => _.opened(0),
    (_) => _.leave(0),
    (_) => _.commit({ _tag: "Suspend", newcomers: "wait", until: Infinity })
  )

/** For each kind of input, a state in which it has an effect. */
const cases: { readonly [K in Input["_tag"]]: () => readonly [Bench, Extract<Input, { _tag: K }>] } = {
  Take: () => [busy(), { _tag: "Take", now: 100, ticket: new Ticket(100, 500) }],
  Claim: () => [idle(), { _tag: "Claim", now: 0, ticket: new Ticket(0, 0) }],
  Leave: () => [busy(), { _tag: "Leave", now: 100, number: 0, verdict: keep }],
  Opened: () => [busy(), { _tag: "Opened", now: 100, id: 1, spread: 0 }],
  OpenFailed: () => [busy(), { _tag: "OpenFailed", now: 100, id: 1, cause: refusedConnection, jitter: 0 }],
  Checked: () => [pinging(), { _tag: "Checked", now: 100, id: 0, passed: true }],
  ResetDone: () => [resetting(), { _tag: "ResetDone", now: 100, id: 0, passed: true }],
  Closed: () => [closing(), { _tag: "Closed", now: 100, id: 0, aborted: false }],
  Condemn: () => [busy(), { _tag: "Condemn", now: 100, id: 0, reason: "Lost" }],
  Seat: () => [seated(), { _tag: "Seat", now: 0, numbers: [1] }],
  Bind: () => [seated(), { _tag: "Bind", now: 0, numbers: [1], isBound: false }],
  Expel: () => [seated(), { _tag: "Expel", now: 0, number: 1 }],
  Cede: () => [idle(), { _tag: "Cede", now: 100 }],
  Tick: () => [busy(), { _tag: "Tick", now: 150 }],
  Start: () => [new Bench(rules), { _tag: "Start", now: 0, target: 1, ticket: new Ticket(0, Infinity) }],
  Shutdown: () => [busy(), { _tag: "Shutdown", now: 100, ticket: new Ticket(100, 500) }],
  Drain: () => [busy(), { _tag: "Drain", now: 100, ticket: new Ticket(100, Infinity) }],
  Clear: () => [busy(), { _tag: "Clear", now: 100, abortLeases: true }],
  Recycle: () => [busy(), { _tag: "Recycle", now: 100, within: 50 }],
  Suspend: () => [busy(), { _tag: "Suspend", now: 100, newcomers: "refuse", until: 200 }],
  Resume: () => [suspended(), { _tag: "Resume", now: 100 }],
  Resize: () => [busy(), { _tag: "Resize", now: 100, sizes: { maxSize: 1 } }],
  Suspect: () => [suspended(), { _tag: "Suspect", now: 100 }]
}

const ticketsOf = (bench: Bench, input: Input): ReadonlyArray<Ticket> =>
  [...bench.history.map((entry) => entry.input), input].flatMap((input) => "ticket" in input ? [input.ticket] : [])

/** All that is in the tickets, their notices included. */
const marks = (tickets: ReadonlyArray<Ticket>) => tickets.map((ticket) => ({ ...ticket }))

/** Makes a state unchangeable, all but its tickets and what Effect made. */
const frozen = (state: State): State => {
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return
    seen.add(value)
    const isOurs = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype ||
      value.constructor.name === "Node"
    if (!isOurs) return
    Object.freeze(value)
    Object.values(value).forEach(visit)
  }
  visit(state)
  return state
}

/** An allocator in the state that the bench is in, which cannot be changed, and the means to see whether anything has. */
const subjectOf = (bench: Bench, input: Input) =>
  Effect.gen(function*() {
    const history = yield* TRef.make(List.empty<Entry>())
    const { decide, snapshot } = yield* Allocator.make(bench.initial.rules, history)
    for (const entry of bench.history) yield* decide(entry.input)
    const before = { state: frozen(yield* snapshot), history: yield* TRef.get(history) }
    const tickets = ticketsOf(bench, input)
    const marked = marks(tickets)
    const nobodyWasTold = Effect.sync(() => expect(marks(tickets)).toEqual(marked))
    const isUntouched = Effect.gen(function*() {
      expect(yield* snapshot).toBe(before.state)
      expect(yield* TRef.get(history)).toBe(before.history)
      yield* nobodyWasTold
    })
    return { decide, snapshot, history, before, nobodyWasTold, isUntouched }
  })

/** Goes on when the gate is open, and waits until then. */
const pass = (gate: TRef.TRef<boolean>): STM.STM<void> =>
  STM.flatMap(TRef.get(gate), (isOpen) => isOpen ? STM.void : STM.retry)

/** Lets every fiber run for as long as it can. */
const settled = TestClock.adjust(0)

for (const [kind, make] of Object.entries(cases)) {
  describe(`the transaction of ${kind}`, () => {
    it("has an effect in this test", () => {
      const [bench, input] = make()
      expect(transition(bench.state, input)[1]).not.toBe(bench.state)
    })

    it.effect("leaves no trace where the transaction that it is part of fails", () =>
      Effect.gen(function*() {
        const [bench, input] = make()
        const { decide, isUntouched } = yield* subjectOf(bench, input)
        const exit = yield* Effect.exit(STM.commit(STM.zipRight(decide(input), STM.fail("no"))))
        expect(exit).toEqual(Exit.fail("no"))
        yield* isUntouched
      }))

    it.effect("leaves no trace where the transaction that it is part of retries, and another is run instead", () =>
      Effect.gen(function*() {
        const [bench, input] = make()
        const { decide, isUntouched } = yield* subjectOf(bench, input)
        yield* STM.commit(STM.orElse(STM.zipRight(decide(input), STM.retry), () => STM.void))
        yield* isUntouched
      }))

    it.effect("tells nobody and changes no state in place where the transaction that it is part of is suspended", () =>
      Effect.gen(function*() {
        const [bench, input] = make()
        const { decide, nobodyWasTold } = yield* subjectOf(bench, input)
        const gate = yield* TRef.make(false)
        const fiber = yield* Effect.fork(STM.commit(STM.zipLeft(decide(input), pass(gate))))
        yield* settled
        yield* nobodyWasTold
        yield* Fiber.interrupt(fiber)
        yield* nobodyWasTold
      }))

    it.effect("leaves no trace while the transaction that it ends waits, nor when that is interrupted", () =>
      Effect.gen(function*() {
        const [bench, input] = make()
        const { decide, isUntouched } = yield* subjectOf(bench, input)
        const gate = yield* TRef.make(false)
        const fiber = yield* Effect.fork(STM.commit(STM.zipRight(pass(gate), decide(input))))
        yield* settled
        yield* isUntouched
        yield* Fiber.interrupt(fiber)
        yield* TRef.set(gate, true)
        yield* settled
        yield* isUntouched
      }))

    it.effect("is done once, on the state of that moment, when the transaction that it ends has waited", () =>
      Effect.gen(function*() {
        const [bench, input] = make()
        const { before, decide, history, isUntouched, snapshot } = yield* subjectOf(bench, input)
        const gate = yield* TRef.make(false)
        const fiber = yield* Effect.fork(STM.commit(STM.zipRight(pass(gate), decide(input))))
        yield* settled
        yield* isUntouched
        const meanwhile: Input = { _tag: "Condemn", now: 50, id: 0, reason: "Invalidated" }
        yield* decide(meanwhile)
        const between = yield* snapshot
        expect(between).toEqual(transition(before.state, meanwhile)[1])
        yield* TRef.set(gate, true)
        const decision = yield* Fiber.join(fiber)
        const [expected, after] = transition(between, input)
        expect(decision).toEqual(expected)
        expect(yield* snapshot).toEqual(after)
        expect(List.size(yield* TRef.get(history)) - List.size(before.history)).toBe(2)
      }))
  })
}

describe("the allocator's transactions", () => {
  it.effect("are undone together where they are parts of one", () =>
    Effect.gen(function*() {
      const [bench, take] = cases.Take()
      const { decide, isUntouched } = yield* subjectOf(bench, take)
      const both = STM.zipRight(decide(take), decide(cases.Leave()[1]))
      expect(yield* Effect.exit(STM.commit(STM.zipRight(both, STM.fail("no"))))).toEqual(Exit.fail("no"))
      yield* isUntouched
    }))

  it.effect("would be seen to tell a ticket too early", () =>
    Effect.gen(function*() {
      const [bench, take] = cases.Take()
      const { decide, isUntouched } = yield* subjectOf(bench, take)
      const tooEarly = STM.map(decide(take), () => take.ticket.notify({ _tag: "Done" }))
      yield* Effect.exit(STM.commit(STM.zipRight(tooEarly, STM.fail("no"))))
      expect(Exit.isFailure(yield* Effect.exit(isUntouched))).toBe(true)
    }))
})

/**
 * A fault of Effect 3.22, which these tests pin: a transaction that has been suspended writes at each attempt, whether that
 * succeeds, fails or retries. It is why the allocator's transactions never retry and never fail, and why a transaction that
 * waits must do so before it decides. If one of these fails, Effect has been mended, and the rule can go.
 */
describe("Effect's transactions", () => {
  const count = (ref: TRef.TRef<number>) => TRef.update(ref, (n) => n + 1)
  const fail = STM.fail("no")
  /** What has been written while it waits, and after it has ended. */
  const written = (transaction: (ref: TRef.TRef<number>, wait: STM.STM<void>) => STM.STM<unknown, unknown>) =>
    Effect.gen(function*() {
      const ref = yield* TRef.make(0)
      const gate = yield* TRef.make(false)
      const fiber = yield* Effect.fork(STM.commit(transaction(ref, pass(gate))))
      yield* settled
      const waiting = yield* TRef.get(ref)
      yield* TRef.set(gate, true)
      const exit = yield* Fiber.await(fiber)
      return { waiting, ended: yield* TRef.get(ref), exit: exit._tag }
    })

  it.effect("leave nothing behind where they fail without having waited", () =>
    Effect.gen(function*() {
      expect(yield* written((ref) => STM.zipRight(count(ref), fail))).toEqual({ waiting: 0, ended: 0, exit: "Failure" })
    }))

  it.effect("leave nothing behind while they wait, where they wait first, and write once", () =>
    Effect.gen(function*() {
      expect(yield* written((ref, wait) => STM.zipRight(wait, count(ref)))).toEqual({
        waiting: 0,
        ended: 1,
        exit: "Success"
      })
    }))

  it.effect("leave their writes behind where they have waited and then fail", () =>
    Effect.gen(function*() {
      expect(yield* written((ref, wait) => STM.zipRight(wait, STM.zipRight(count(ref), fail)))).toEqual({
        waiting: 0,
        ended: 1,
        exit: "Failure"
      })
    }))

  it.effect("write while they still wait, and again when they have waited, where they write first", () =>
    Effect.gen(function*() {
      expect(yield* written((ref, wait) => STM.zipRight(count(ref), wait))).toEqual({
        waiting: 1,
        ended: 2,
        exit: "Success"
      })
    }))
})

describe("a transition", () => {
  it("changes nothing in the state that it is given", () => {
    fc.assert(
      fc.property(anyRules, anyLife, (rules, life) => {
        const bench = new Bench(rules, (state, input) => transition(frozen(state), input))
        for (const command of life) {
          if (command._tag === "Pass") bench.elapse(Math.min(command.ms, 50))
          else for (const timeless of inputsOf(bench, command)) bench.commit(timeless)
        }
      }),
      { numRuns: 100 }
    )
  })

  for (const [kind, make] of Object.entries(cases)) {
    it(`changes nothing in a frozen state where ${kind} has an effect`, () => {
      const [bench, input] = make()
      expect(transition(frozen(bench.state), input)).toEqual(transition(bench.state, input))
    })
  }

  it("would be seen to change something", () => {
    const { state } = busy()
    frozen(state)
    const changes: ReadonlyArray<() => unknown> = [
      () => Object.assign(state, { nextTicket: 7 }),
      () => Object.assign(state.upkeep, { opened: 7 }),
      () => Object.assign(state.queue.normal.tickets, { size: 7 }),
      () => (state.queue.normal.tickets.root!.items as Array<unknown>).push(7),
      () => Object.assign(state.leased.root!, { size: 7 }),
      () => Object.assign(state.leased.root!.items[0]!, { uses: 7 })
    ]
    for (const change of changes) expect(change).toThrow(TypeError)
  })
})
