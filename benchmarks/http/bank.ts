/**
 * The bank of the case `http`: what every server is asked, what it has PostgreSQL do, and what it answers. Plain data, so that a
 * server without Effect has no Effect in it.
 */
export interface Transfer {
  readonly from: number
  readonly to: number
  readonly amount: number
}

/** A transfer that has taken place. */
export interface Recorded extends Transfer {
  readonly id: number
}

export interface Account {
  readonly id: number
  readonly balance: number
}

/** Why a request is not granted, and the status that says so. */
export class Refusal {
  constructor(readonly status: number, readonly error: string) {}
}

export const noTransfer = new Refusal(400, "This is no transfer.")
export const noAccount = new Refusal(400, "This is no account.")
export const unknownAccount = (id: number) => new Refusal(404, `There is no account ${id}.`)
const insufficientFunds = (id: number) => new Refusal(409, `Account ${id} has too little.`)

/** Of accounts, and of amounts. */
export const most = 1_000_000

export const isWithin = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most

/** Undefined where it is none. */
export const transferOf = (value: unknown): Transfer | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { amount, from, to } = value as { readonly [Field in keyof Transfer]?: unknown }
  return isWithin(from) && isWithin(to) && isWithin(amount) && from !== to ? { from, to, amount } : undefined
}

/** What a transfer does to one account. */
export interface Change {
  readonly account: number
  readonly by: number
}

/** In the order of the accounts: so of two transfers, one waits for the other and never each for the other. */
export const changesOf = ({ amount, from, to }: Transfer): ReadonlyArray<Change> =>
  [{ account: from, by: -amount }, { account: to, by: amount }].sort((one, other) => one.account - other.account)

/** What speaks against a change, seen from the account after it. Then the transaction is rolled back. */
export const objection = (
  { account }: Change,
  [changed]: ReadonlyArray<Pick<Account, "balance">>
): Refusal | undefined =>
  changed === undefined ? unknownAccount(account) : changed.balance < 0 ? insufficientFunds(account) : undefined

/** The same for everybody; those who write `sql` say it with the same words in the same order. */
export const text = {
  change: "update account set balance = balance + $1 where id = $2 returning balance",
  record: "insert into transfer (debit, credit, amount) values ($1, $2, $3) returning id",
  read: "select id, balance from account where id = $1"
}
