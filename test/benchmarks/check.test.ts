import { describe, expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Server } from "node:http"
import pg from "pg"
import type { Recorded, Transfer } from "../../benchmarks/http/bank.js"
import { changesOf, objection, Refusal, text } from "../../benchmarks/http/bank.js"
import { portOf, serve } from "../../benchmarks/http/node.js"
import type { PromiseBank } from "../../benchmarks/http/promises.js"
import { make } from "../../benchmarks/http/promises.js"
import { check } from "../../benchmarks/measure/load/check.js"
import * as Databases from "../../benchmarks/measure/load/database.js"
import { setUrl } from "../../benchmarks/measure/url.js"
import { layer as postgres, Postgres } from "../support/postgres.js"

type Query = (sql: string, values?: Array<unknown>) => Promise<pg.QueryResult>

const move = async (query: Query, transfer: Transfer): Promise<Recorded | Refusal> => {
  for (const change of changesOf(transfer)) {
    const refusal = objection(change, (await query(text.change, [change.by, change.account])).rows)
    if (refusal !== undefined) return refusal
  }
  const { rows: [recorded] } = await query(text.record, [transfer.from, transfer.to, transfer.amount])
  return { id: recorded.id, ...transfer }
}

const transaction = async (
  pool: pg.Pool,
  begin: string,
  run: (query: Query) => Promise<Recorded | Refusal>,
  end: string
) => {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const moved = await run((sql, values) => client.query(sql, values))
    await client.query(moved instanceof Refusal ? end : "commit")
    return moved
  } finally {
    client.release()
  }
}

/** Serves what becomes of the genuine bank, and checks it. */
const checked = (plant: (pool: pg.Pool, genuine: PromiseBank) => Partial<PromiseBank>) =>
  Effect.gen(function*() {
    setUrl(Redacted.value((yield* Postgres).url))
    const database = yield* Databases.open
    const pool = yield* Effect.acquireRelease(
      Effect.map(Postgres, ({ url }) => new pg.Pool({ connectionString: Redacted.value(url), max: 10 })),
      (pool) => Effect.promise(() => pool.end())
    )
    const genuine = make(pool)
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => serve({ ...genuine, ...plant(pool, genuine) })),
      (server: Server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    yield* check(database, portOf(server))
    return database
  })

const refused = (plant: Parameters<typeof checked>[0]) =>
  Effect.map(Effect.flip(checked(plant)), ({ message }) => message)

describe("The check of a server, before it is measured", () => {
  layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("on PostgreSQL", (it) => {
    it.scoped("passes one that is the bank, and leaves nothing that would slow it down", () =>
      Effect.gen(function*() {
        const database = yield* checked(() => ({}))
        const triggers = yield* database.query("select 1 from pg_trigger where tgname = 'note'")
        expect(triggers).toEqual([])
      }))

    it.scoped("sees one that commits what it refuses", () =>
      Effect.gen(function*() {
        const message = yield* refused((pool) => ({
          transfer: (transfer) => transaction(pool, "begin", (query) => move(query, transfer), "commit")
        }))
        expect(message).toMatch(/GET \/accounts\/1 is answered with .*"balance":-7/)
      }))

    it.scoped("sees one whose transfers are several transactions, though its answers are right", () =>
      Effect.gen(function*() {
        const message = yield* refused((pool, { account, transfer: genuine }) => ({
          transfer: async (transfer) => {
            const [from, to] = [await account(transfer.from), await account(transfer.to)]
            return from instanceof Refusal || to instanceof Refusal || from.balance < transfer.amount
              ? genuine(transfer)
              : move((sql, values) => pool.query(sql, values), transfer)
          }
        }))
        expect(message).toBe(
          "A transfer is account update (read committed), " +
            "not account update, account update, transfer insert (read committed)"
        )
      }))

    it.scoped("sees one that has another isolation", () =>
      Effect.gen(function*() {
        const message = yield* refused((pool) => ({
          transfer: (transfer) =>
            transaction(pool, "begin isolation level serializable", (query) => move(query, transfer), "rollback")
        }))
        expect(message).toContain("transfer insert (serializable), not account update")
      }))

    it.scoped("counts what took place, and the money", () =>
      Effect.gen(function*() {
        const database = yield* checked(() => ({}))
        yield* database.reset
        yield* database.audit(0)
        expect((yield* Effect.flip(database.audit(3))).message).toBe("3 transfers were answered, and 0 took place")
        yield* database.query("update account set balance = balance - 1 where id = 5")
        expect((yield* Effect.flip(database.audit(0))).message).toMatch(/^There was 10000000000 .* 9999999999 is left$/)
      }))
  })
})
