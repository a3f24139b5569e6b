/**
 * Transfers: a service that is made of others.
 *
 * Accounts and Ledger know nothing of each other, and nothing of a transaction. But they ask for the connection of the request, and that
 * is one connection: what is done between the transaction's begin and its end is in it, whoever does it.
 */
import * as Effect from "effect/Effect"
import { Accounts } from "./accounts.js"
import { RequestDb } from "./connection.js"
import type { Transfer } from "./domain.js"
import { Events } from "./events.js"
import { Ledger } from "./ledger.js"

export class Transfers extends Effect.Service<Transfers>()("service/Transfers", {
  effect: Effect.gen(function*() {
    const accounts = yield* Accounts
    const ledger = yield* Ledger
    const events = yield* Events

    const steps = (transfer: Transfer) =>
      Effect.gen(function*() {
        const { amount, from, to } = transfer
        yield* RequestDb.use((connection) => connection.lock(from, to))
        yield* accounts.withdraw(from, amount)
        // Where there is no account to deposit it in, the withdrawal is undone.
        yield* accounts.deposit(to, amount)
        return yield* ledger.append(transfer)
      })

    return {
      /** All or nothing. Who listens hears of it when it is committed, even if the client has gone by then. */
      make: (transfer: Transfer) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.tap(
            restore(RequestDb.use((connection) => connection.transaction(steps(transfer)))),
            events.publish
          )
        )
    }
  }),
  dependencies: [Accounts.Default, Ledger.Default]
}) {}
