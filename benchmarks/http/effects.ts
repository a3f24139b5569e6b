/** The bank in Effect, over whatever runs a statement. */
import * as Effect from "effect/Effect"
import type { Account, Change, Recorded, Refusal, Transfer } from "./bank.js"
import { changesOf, objection, unknownAccount } from "./bank.js"

export interface Bank<E, R> {
  readonly transfer: (transfer: Transfer) => Effect.Effect<Recorded, Refusal | E, R>
  readonly account: (id: number) => Effect.Effect<Account, Refusal | E, R>
}

/** Each is one round trip, and answers the rows. */
export interface Statements<E> {
  readonly change: (change: Change) => Effect.Effect<ReadonlyArray<Pick<Account, "balance">>, E>
  readonly record: (transfer: Transfer) => Effect.Effect<ReadonlyArray<Pick<Recorded, "id">>, E>
  readonly read: (id: number) => Effect.Effect<ReadonlyArray<Account>, E>
}

/** Belongs in a transaction. */
export const move = <E>(statements: Statements<E>, transfer: Transfer): Effect.Effect<Recorded, Refusal | E> =>
  Effect.gen(function*() {
    for (const change of changesOf(transfer)) {
      const refusal = objection(change, yield* statements.change(change))
      if (refusal !== undefined) return yield* Effect.fail(refusal)
    }
    const [recorded] = yield* statements.record(transfer)
    return { id: recorded!.id, ...transfer }
  })

export const read = <E>(statements: Statements<E>, id: number): Effect.Effect<Account, Refusal | E> =>
  Effect.flatMap(
    statements.read(id),
    ([account]) => account === undefined ? Effect.fail(unknownAccount(id)) : Effect.succeed(account)
  )
