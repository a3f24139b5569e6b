/** The bank on a pg.Pool, in async functions. */
import type pg from "pg"
import type { Account, Recorded, Transfer } from "./bank.js"
import { changesOf, objection, Refusal, text, unknownAccount } from "./bank.js"

export interface PromiseBank {
  readonly transfer: (transfer: Transfer) => Promise<Recorded | Refusal>
  readonly account: (id: number) => Promise<Account | Refusal>
}

const move = async (client: pg.PoolClient, transfer: Transfer): Promise<Recorded | Refusal> => {
  for (const change of changesOf(transfer)) {
    const { rows } = await client.query(text.change, [change.by, change.account])
    const refusal = objection(change, rows)
    if (refusal !== undefined) return refusal
  }
  const { rows: [recorded] } = await client.query(text.record, [transfer.from, transfer.to, transfer.amount])
  return { id: recorded.id, ...transfer }
}

export const make = (pool: pg.Pool): PromiseBank => ({
  transfer: async (transfer) => {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await client.query("BEGIN")
      const moved = await move(client, transfer)
      await client.query(moved instanceof Refusal ? "ROLLBACK" : "COMMIT")
      return moved
    } catch (error) {
      await client.query("ROLLBACK").catch((error: Error) => {
        broken = error
      })
      throw error
    } finally {
      client.release(broken)
    }
  },
  account: async (id) => {
    const { rows: [account] } = await pool.query(text.read, [id])
    return account ?? unknownAccount(id)
  }
})
