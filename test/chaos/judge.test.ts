import { describe, expect, it } from "@effect/vitest"
import type { Books, Call, Transfer } from "./judge.js"
import { judge } from "./judge.js"
import type { Outcome } from "./outcome.js"

const first: Transfer = { id: 1, from: 1, to: 2, amount: 10 }
const second: Transfer = { id: 2, from: 2, to: 3, amount: 5 }

const committed: Outcome = { _tag: "Committed" }
const rolledBack: Outcome = { _tag: "RolledBack", why: "AcquireTimeout" }
const unknown: Outcome = { _tag: "Unknown", why: "CommitUnknown" }
const unexpected: Outcome = { _tag: "Unexpected", what: "a defect" }

const call = (transfer: Transfer, outcome: Outcome): Call => ({ ...transfer, outcome })

const opening = new Map([[1, 100], [2, 100], [3, 100]])

/** The balances are what the ledger makes of them. */
const books = (...ledger: ReadonlyArray<Transfer>): Books => {
  const balances = new Map(opening)
  for (const { amount, from, to } of ledger) {
    balances.set(from, balances.get(from)! - amount)
    balances.set(to, balances.get(to)! + amount)
  }
  return { opening, balances, ledger }
}

const withBalances = (given: Books, ...changes: ReadonlyArray<readonly [account: number, balance: number]>): Books => ({
  ...given,
  balances: new Map([...given.balances, ...changes])
})

describe("The judge of chaos", () => {
  it("finds nothing where everybody was told what happened", () => {
    expect(judge([call(first, committed), call(second, rolledBack)], books(first))).toEqual([])
  })

  it("lets what is unknown be done or not done", () => {
    for (const outcome of [unknown, unexpected]) {
      expect(judge([call(first, outcome)], books())).toEqual([])
      expect(judge([call(first, outcome)], books(first))).toEqual([])
    }
  })

  it("finds a transfer that was committed and is not there", () => {
    expect(judge([call(first, committed), call(second, committed)], books(second))).toEqual([{ _tag: "Lost", id: 1 }])
  })

  it("finds a transfer that is there twice, whatever its caller was told", () => {
    for (const outcome of [committed, unknown, rolledBack]) {
      expect(judge([call(first, outcome)], books(first, first))).toEqual([{ _tag: "Doubled", id: 1 }])
    }
  })

  it("finds an unknown transfer that its caller was told was rolled back, and that was done", () => {
    expect(judge([call(first, rolledBack)], books(first))).toEqual([{ _tag: "Doubled", id: 1 }])
  })

  it("finds an unknown transfer that its caller was told was committed, and that was not done", () => {
    expect(judge([call(first, committed)], books())).toEqual([{ _tag: "Lost", id: 1 }])
  })

  it("finds a transfer of another amount, or between others", () => {
    for (const changed of [{ ...first, amount: 11 }, { ...first, to: 3 }, { ...first, from: 3 }]) {
      expect(judge([call(first, unknown)], books(changed))).toEqual([{ _tag: "Altered", id: 1 }])
    }
  })

  it("finds a transfer that nobody asked for", () => {
    expect(judge([call(first, committed)], books(first, second))).toEqual([{ _tag: "Unasked", id: 2 }])
  })

  it("finds accounts that do not have what the ledger says, though the sum is kept", () => {
    expect(judge([call(first, committed)], withBalances(books(first), [1, 100], [2, 100]))).toEqual([
      { _tag: "Balance", account: 1, expected: 90, actual: 100 },
      { _tag: "Balance", account: 2, expected: 110, actual: 100 }
    ])
  })

  it("finds a sum that has changed", () => {
    expect(judge([call(first, committed)], withBalances(books(first), [3, 101]))).toEqual([
      { _tag: "Balance", account: 3, expected: 100, actual: 101 },
      { _tag: "Sum", expected: 300, actual: 301 }
    ])
  })

  it("finds an account that has gone", () => {
    const { balances, ...rest } = books(first)
    const left = new Map([...balances].filter(([account]) => account !== 3))
    expect(judge([call(first, committed)], { ...rest, balances: left })).toEqual([
      { _tag: "Balance", account: 3, expected: 100, actual: 0 },
      { _tag: "Sum", expected: 300, actual: 200 }
    ])
  })
})
