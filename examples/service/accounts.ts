/** Accounts. Whatever asks for them does so with the connection of its request: see the `RequestDb` in the types. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { RequestDb } from "./connection.js"
import type { Account, AccountId, NewAccount } from "./domain.js"
import { InsufficientFunds, UnknownAccount } from "./domain.js"

export class Accounts extends Effect.Service<Accounts>()("service/Accounts", {
  sync: () => {
    const find = (id: AccountId) =>
      Effect.flatMap(
        RequestDb.use((connection) => connection.account(id)),
        Option.match({
          onNone: () => Effect.fail(new UnknownAccount({ id })),
          onSome: (account: Account) => Effect.succeed(account)
        })
      )

    return {
      open: (account: NewAccount) => RequestDb.use((connection) => connection.open(account)),
      find,
      /** Fails where there is no such account, or too little in it. */
      withdraw: (id: AccountId, amount: number) =>
        Effect.gen(function*() {
          const done = yield* RequestDb.use((connection) => connection.change(id, -amount))
          if (done) return
          yield* find(id)
          return yield* new InsufficientFunds({ id })
        }),
      deposit: (id: AccountId, amount: number) =>
        Effect.filterOrFail(
          RequestDb.use((connection) => connection.change(id, amount)),
          (done) => done,
          () => new UnknownAccount({ id })
        )
    }
  }
}) {}
