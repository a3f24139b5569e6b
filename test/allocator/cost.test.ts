/**
 * What an operation costs with 100,000 waiters, counted and not timed: every property that a transition reads of the state
 * is counted, so a scan or a copy of the queue would be seen.
 */
import { describe, expect, it } from "@effect/vitest"
import type { Input } from "../../packages/core/src/allocator/decision.js"
import { keep } from "../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { initial, withQueue } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import { refusedConnection, rulesWith } from "./bench.js"

const MANY = 100_000

/** Four levels of 32 places are read to copy a path, in at most three maps, and some fields besides. */
const PATHS = 600

/** The same value, but each property that is read of it, or of anything in it, is counted. */
const watched = (value: State, onRead: () => void): State => {
  const wrappers = new WeakMap<object, object>()
  const wrap = <A>(value: A): A => {
    if (typeof value !== "object" || value === null) return value
    const known = wrappers.get(value)
    if (known !== undefined) return known as A
    // Of a copy: a frozen value, as another test makes them, must show its own properties as they are.
    const copy = Array.isArray(value)
      ? value.slice()
      : Object.assign(Object.create(Object.getPrototypeOf(value)), value)
    const wrapper = new Proxy(copy, {
      get: (target, key) => {
        onRead()
        return wrap(Reflect.get(target, key))
      }
    })
    wrappers.set(value, wrapper)
    return wrapper
  }
  return wrap(value)
}

const readsOf = (state: State, operation: (state: State) => unknown): number => {
  let reads = 0
  operation(watched(state, () => reads++))
  return reads
}

const cost = (state: State, input: Input): number => readsOf(state, (state) => transition(state, input))

const run = (state: State, ...inputs: ReadonlyArray<Input>): State =>
  inputs.reduce((state, input) => transition(state, input)[1], state)

/** One connection, leased by ticket 0 at time 0, and so many who wait behind it, the one with number n until `deadline(n)`. */
const crowd = (count: number, deadline: (number: number) => number): State => {
  const leased = run(
    initial(rulesWith({ maxSize: 1 })),
    { _tag: "Take", now: 0, ticket: new Ticket(0, Infinity) },
    { _tag: "Opened", now: 0, id: 0, spread: 0 }
  )
  let { queue } = leased
  for (let number = 1; number <= count; number++) {
    queue = WaitQueue.push(queue, number, new Ticket(0, deadline(number)))
  }
  return { ...withQueue(leased, queue), nextTicket: count + 1 }
}

/** Made by the first test that needs it. */
const once = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}

/** In every order but that of arrival: 7,919 and the count have no common divisor. */
const shuffled = (number: number) => 1_000_000 + (number * 7_919) % MANY

const crowds = {
  "who all wait equally long": once(() => crowd(MANY, (number) => 1_000_000 + number)),
  "who all have the same deadline": once(() => crowd(MANY, () => 1_000_000)),
  "whose deadlines are in any order": once(() => crowd(MANY, shuffled)),
  "who wait for ever": once(() => crowd(MANY, () => Infinity))
}

const take = (within: number) => (): Input => ({ _tag: "Take", now: 10, ticket: new Ticket(10, 10 + within) })

const leave = (number: number) => (): Input => ({ _tag: "Leave", now: 10, number, verdict: keep })

const operations: Record<string, () => Input> = {
  "to arrive": take(2_000_000),
  "to arrive with the earliest deadline of all": take(5),
  "to try once": take(0),
  "to be served": leave(0),
  "to give up, first in the queue": leave(1),
  "to give up in the middle": leave(MANY / 2),
  "to give up, last in the queue": leave(MANY),
  "to leave when gone": leave(MANY + 1),
  "a Tick when nothing is due": () => ({ _tag: "Tick", now: 10 }),
  "a connection that breaks": () => ({
    _tag: "Leave",
    now: 10,
    number: 0,
    verdict: { _tag: "Discard", reason: "Broken" }
  })
}

describe(`among ${MANY} waiters`, () => {
  for (const [who, made] of Object.entries(crowds)) {
    for (const [what, input] of Object.entries(operations)) {
      it(`${who}, it costs a few paths: ${what}`, () => {
        const state = made()
        expect(WaitQueue.size(state.queue)).toBe(MANY)
        expect(cost(state, input())).toBeLessThan(PATHS)
      })
    }
  }

  for (const expired of [1, 10, 100, 1_000]) {
    it(`to expire costs a few paths each, for ${expired} of them`, () => {
      const inOrder = crowds["who all wait equally long"]()
      const outOfOrder = crowds["whose deadlines are in any order"]()
      for (const [state, now] of [[inOrder, 1_000_000 + expired], [outOfOrder, 1_000_000 + expired - 1]] as const) {
        const reads = cost(state, { _tag: "Tick", now })
        expect(MANY - WaitQueue.size(run(state, { _tag: "Tick", now }).queue)).toBe(expired)
        expect(reads).toBeLessThan(PATHS * (expired + 1))
      }
    })
  }

  it("to know when the next one expires costs one path, also when one has left in the middle", () => {
    const state = run(crowds["whose deadlines are in any order"](), leave(MANY / 2)())
    expect(readsOf(state, ({ queue }) => WaitQueue.nextDeadline(queue))).toBeLessThan(100)
  })

  it("an opening that begins or ends costs a few paths", () => {
    const broken: Input = { _tag: "Leave", now: 10, number: 0, verdict: { _tag: "Discard", reason: "Broken" } }
    const closing = run(crowds["who wait for ever"](), broken)
    const begins: Input = { _tag: "Closed", now: 10, id: 0, aborted: false }
    expect(cost(closing, begins)).toBeLessThan(PATHS)
    const opening = { ...run(closing, begins), rules: { ...closing.rules, whenDown: "wait" as const } }
    expect(cost(opening, { _tag: "Opened", now: 10, id: 1, spread: 0 })).toBeLessThan(PATHS)
    expect(cost(opening, { _tag: "OpenFailed", now: 10, id: 1, cause: refusedConnection, jitter: 0 })).toBeLessThan(
      PATHS
    )
  })

  it("a scan or a copy of the queue would be seen", () => {
    const state = crowds["who wait for ever"]()
    expect(readsOf(state, ({ queue }) => OrderedMap.values(queue.normal.tickets))).toBeGreaterThan(MANY)
    expect(readsOf(state, ({ queue }) => OrderedMap.keys(queue.normal.tickets).length)).toBeGreaterThan(MANY / 32)
    expect(readsOf(state, ({ queue }) => OrderedMap.values(queue.normal.tickets).find(() => true))).toBeGreaterThan(
      MANY
    )
  })
})
