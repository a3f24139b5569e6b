/**
 * The application's words without a database, for tests: FakeConnector's connections, and a book in memory.
 *
 * What connections do is up to the test (`server`): they cannot be opened, they die. Time is up to it too: with TestClock, thirty seconds
 * in a queue take none.
 */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { BankConnection } from "./connection.js"
import { Db } from "./connection.js"
import { inWords } from "./connector.js"
import type { AccountId } from "./domain.js"
import { Account, ConnectionLost, Entry } from "./domain.js"

export class Fake extends Context.Tag("service/Fake")<Fake, {
  readonly server: FakeConnector.FakeConnector
  /** Every statement from now on waits at this gate. */
  readonly holdAt: (gate: FakeConnector.Gate) => Effect.Effect<void>
}>() {}

const makeBook = Effect.map(Effect.makeSemaphore(1), (oneAtATime) => {
  let accounts = new Map<AccountId, Account>()
  let entries: ReadonlyArray<Entry> = []
  let gate: Effect.Effect<void> = Effect.void

  const words = (connection: FakeConnector.FakeConnection): BankConnection => {
    const statement = <A>(answer: () => A): Effect.Effect<A, ConnectionLost> =>
      Effect.suspend(() => gate).pipe(
        Effect.filterOrFail(() => connection.isAlive, () => new ConnectionLost()),
        Effect.map(answer)
      )

    return {
      open: ({ balance, owner }) =>
        statement(() => {
          const account = new Account({ id: accounts.size + 1 as AccountId, owner, balance })
          accounts.set(account.id, account)
          return account
        }),
      account: (id) => statement(() => Option.fromNullable(accounts.get(id))),
      // Transactions come one after the other.
      lock: () => statement(() => {}),
      change: (id, by) =>
        statement(() => {
          const account = accounts.get(id)
          if (account === undefined || account.balance + by < 0) return false
          accounts.set(id, new Account({ ...account, balance: account.balance + by }))
          return true
        }),
      append: (transfer) =>
        statement(() => {
          const entry = new Entry({ ...transfer, number: entries.length + 1 })
          entries = [...entries, entry]
          return entry
        }),
      entries: (after, limit) => statement(() => entries.filter(({ number }) => number > after).slice(0, limit)),
      snapshot: Stream.fromIterableEffect(statement(() => entries)),
      transaction: (effect) =>
        Effect.suspend(() => {
          const before = { accounts: new Map(accounts), entries }
          return Effect.zipLeft(effect, statement(() => {})).pipe(
            Effect.onExit((exit) =>
              Effect.sync(() => {
                if (Exit.isFailure(exit)) ({ accounts, entries } = before)
              })
            )
          )
        }).pipe(oneAtATime.withPermits(1))
    }
  }

  const holdAt = (at: FakeConnector.Gate) =>
    Effect.sync(() => {
      gate = at.pass
    })
  return { words, holdAt }
})

/** The pool in tests. Its settings can be those of production, as time costs nothing. */
export const layer = (tuning: PoolOptions.Tuning = {}) =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const server = yield* FakeConnector.make()
    const { holdAt, words } = yield* makeBook
    return Layer.merge(
      Db.layer({ ...tuning, startup: "lazy", connector: inWords(server.connector, words) }),
      Layer.succeed(Fake, { server, holdAt })
    )
  }))
