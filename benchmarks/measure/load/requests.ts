/** What each client asks for, again and again: the same for every server. */
import { PCGRandom } from "effect/Utils"
import type { Kind } from "../../model.js"

export interface Request {
  readonly kind: Kind
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: string
}

/** So many that two clients rarely meet at one. */
export const accounts = 10_000

/** With the most that one request transfers it is never used up in one turn. */
export const balance = 1_000_000

const pairs = 4
const mostAmount = 100

/** A transfer, then the account that paid; and so on with others. Half of the clients begin in between, so that not all transfer at once. */
export const requestsOf = (client: number): ReadonlyArray<Request> => {
  const random = new PCGRandom(client)
  const [first, ...others] = Array.from({ length: pairs }, (): ReadonlyArray<Request> => {
    const from = 1 + random.integer(accounts)
    const to = 1 + (from + random.integer(accounts - 1)) % accounts
    const transfer = { from, to, amount: 1 + random.integer(mostAmount) }
    return [
      { kind: "transfer", method: "POST", path: "/transfers", body: JSON.stringify(transfer) },
      { kind: "account", method: "GET", path: `/accounts/${from}` }
    ]
  }).flat()
  return client % 2 === 0 ? [first!, ...others] : [...others, first!]
}
