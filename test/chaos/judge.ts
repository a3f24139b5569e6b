/** Compares what callers were told with what is in the books. */
import * as Schema from "effect/Schema"
import type { Outcome } from "./outcome.js"

export const Transfer = Schema.Struct({
  id: Schema.Int,
  from: Schema.Int,
  to: Schema.Int,
  amount: Schema.Int
})

export type Transfer = typeof Transfer.Type

export interface Call extends Transfer {
  readonly outcome: Outcome
}

export interface Books {
  /** Of each account. */
  readonly opening: ReadonlyMap<number, number>
  readonly balances: ReadonlyMap<number, number>
  readonly ledger: ReadonlyArray<Transfer>
}

/**
 * - `Lost`: a caller was told that it was committed, and it is not there.
 * - `Doubled`: it is there more than once; or its caller was told that it was rolled back, and would run it again.
 * - `Altered`: it is not what the caller asked for.
 * - `Unasked`: nobody asked for it.
 * - `Balance`: an account does not have what the ledger says.
 * - `Sum`: money came or went.
 */
export type Finding =
  | { readonly _tag: "Lost" | "Doubled" | "Altered" | "Unasked"; readonly id: number }
  | { readonly _tag: "Balance"; readonly account: number; readonly expected: number; readonly actual: number }
  | { readonly _tag: "Sum"; readonly expected: number; readonly actual: number }

const isSame = (a: Transfer, b: Transfer): boolean => a.from === b.from && a.to === b.to && a.amount === b.amount

const ofCall = (call: Call, entries: ReadonlyArray<Transfer>): ReadonlyArray<Finding> => {
  const { id, outcome } = call
  if (entries.length > 1) return [{ _tag: "Doubled", id }]
  if (entries.length === 1 && !isSame(call, entries[0]!)) return [{ _tag: "Altered", id }]
  switch (outcome._tag) {
    case "Committed":
      return entries.length === 0 ? [{ _tag: "Lost", id }] : []
    case "RolledBack":
      return entries.length === 1 ? [{ _tag: "Doubled", id }] : []
    case "Unknown":
    case "Unexpected":
      return []
  }
}

const expectedBalances = ({ ledger, opening }: Books): ReadonlyMap<number, number> => {
  const expected = new Map(opening)
  const add = (account: number, amount: number) => expected.set(account, (expected.get(account) ?? 0) + amount)
  for (const { amount, from, to } of ledger) {
    add(from, -amount)
    add(to, amount)
  }
  return expected
}

const ofAccounts = (books: Books): ReadonlyArray<Finding> => {
  const expected = expectedBalances(books)
  return [...new Set([...expected.keys(), ...books.balances.keys()])].flatMap((account): ReadonlyArray<Finding> => {
    const [should, is] = [expected.get(account) ?? 0, books.balances.get(account) ?? 0]
    return should === is ? [] : [{ _tag: "Balance", account, expected: should, actual: is }]
  })
}

const sum = (balances: ReadonlyMap<number, number>): number => [...balances.values()].reduce((a, b) => a + b, 0)

const ofSum = ({ balances, opening }: Books): ReadonlyArray<Finding> => {
  const [expected, actual] = [sum(opening), sum(balances)]
  return expected === actual ? [] : [{ _tag: "Sum", expected, actual }]
}

const byId = (ledger: ReadonlyArray<Transfer>): ReadonlyMap<number, ReadonlyArray<Transfer>> => {
  const all = new Map<number, Array<Transfer>>()
  for (const entry of ledger) {
    const same = all.get(entry.id)
    if (same === undefined) all.set(entry.id, [entry])
    else same.push(entry)
  }
  return all
}

/** All that does not fit together; nothing where every promise was kept. */
export const judge = (calls: ReadonlyArray<Call>, books: Books): ReadonlyArray<Finding> => {
  const entries = byId(books.ledger)
  const asked = new Set(calls.map(({ id }) => id))
  return [
    ...calls.flatMap((call) => ofCall(call, entries.get(call.id) ?? [])),
    ...[...entries.keys()].filter((id) => !asked.has(id)).map((id): Finding => ({ _tag: "Unasked", id })),
    ...ofAccounts(books),
    ...ofSum(books)
  ]
}
