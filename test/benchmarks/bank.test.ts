import { describe, expect, it } from "@effect/vitest"
import { changesOf, objection, transferOf, unknownAccount } from "../../benchmarks/http/bank.js"
import { accounts, balance, requestsOf } from "../../benchmarks/measure/load/requests.js"

describe("The bank of the benchmarks", () => {
  it("changes two accounts in the order of their numbers, whoever pays, so that two transfers cannot deadlock", () => {
    expect(changesOf({ from: 7, to: 30, amount: 5 })).toEqual([{ account: 7, by: -5 }, { account: 30, by: 5 }])
    expect(changesOf({ from: 30, to: 7, amount: 5 })).toEqual([{ account: 7, by: 5 }, { account: 30, by: -5 }])
  })

  it("refuses to change an account that there is not, or below nothing, and takes the last of one", () => {
    const change = { account: 7, by: -5 }
    expect(objection(change, [])).toEqual(unknownAccount(7))
    expect(objection(change, [{ balance: -1 }])).toMatchObject({ status: 409, error: "Account 7 has too little." })
    expect(objection(change, [{ balance: 0 }])).toBeUndefined()
  })

  it("takes for a transfer only what is one", () => {
    const transfer = { from: 1, to: 2, amount: 3 }
    expect(transferOf({ ...transfer, note: "ignored" })).toEqual(transfer)
    const wrong = [{ to: 1 }, { from: "1" }, { amount: 0 }, { amount: -3 }, { amount: 1.5 }, { amount: undefined }]
    for (const fields of wrong) expect(transferOf({ ...transfer, ...fields })).toBeUndefined()
    for (const value of [undefined, null, 3, "transfer", []]) expect(transferOf(value)).toBeUndefined()
  })
})

describe("The clients of the bank", () => {
  it("ask every server for the same, each for something else", () => {
    expect(requestsOf(3)).toEqual(requestsOf(3))
    expect(requestsOf(3)).not.toEqual(requestsOf(4))
  })

  it("begin in two ways, so that not all transfer at once, and take turns from then on", () => {
    const kinds = (client: number) => requestsOf(client).map(({ kind }) => kind)
    const turns = ["transfer", "account", "transfer", "account", "transfer", "account", "transfer", "account"]
    expect(kinds(6)).toEqual(turns)
    expect(kinds(7)).toEqual([...turns].reverse())
  })

  it("transfer between two different accounts that there are, then ask for the one that paid", () => {
    for (let client = 0; client < 1000; client++) {
      const requests = requestsOf(client)
      for (const [index, { body, kind }] of requests.entries()) {
        if (kind !== "transfer") continue
        const { amount, from, to } = transferOf(JSON.parse(body!))!
        expect(requests[(index + 1) % requests.length]!.path).toBe(`/accounts/${from}`)
        expect(Math.max(from, to)).toBeLessThanOrEqual(accounts)
        // So that nobody is refused for having too little, however often a turn repeats it.
        expect(amount * 5000).toBeLessThanOrEqual(balance)
      }
    }
  })
})
