/**
 * What the application asks of a database, in its own words: this is what a connection is to it. `postgres.ts` says them in SQL; in the
 * tests a book in memory answers.
 *
 * Everything above this file is the same in both, the pool included.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Account, AccountId, ConnectionLost, Entry, NewAccount, Transfer } from "./domain.js"

export interface BankConnection {
  readonly open: (account: NewAccount) => Effect.Effect<Account, ConnectionLost>
  readonly account: (id: AccountId) => Effect.Effect<Option.Option<Account>, ConnectionLost>
  /** Locks those that exist until the transaction ends, in the order of their ids: so two transfers cannot wait for each other. */
  readonly lock: (...ids: ReadonlyArray<AccountId>) => Effect.Effect<void, ConnectionLost>
  /** Adds to a balance. `false`: there is no such account, or it would be below zero. */
  readonly change: (id: AccountId, by: number) => Effect.Effect<boolean, ConnectionLost>
  readonly append: (transfer: Transfer) => Effect.Effect<Entry, ConnectionLost>
  /** The entries that follow a number, in order. */
  readonly entries: (after: number, limit: number) => Effect.Effect<ReadonlyArray<Entry>, ConnectionLost>
  /** All entries as they are at one moment, read while they are consumed. */
  readonly snapshot: Stream.Stream<Entry, ConnectionLost>
  /** All or nothing: whatever fails in it, or interrupts it, undoes what was done. */
  readonly transaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ConnectionLost, R>
}

/** The pool has none open, and cannot open one. What its server said is for the log. */
export class CannotConnect extends Data.TaggedError("CannotConnect")<{ readonly cause: Error }> {
  override get message(): string {
    return `The bank's database cannot be reached: ${this.cause.message}`
  }
}

/** The pool. */
export class Db extends ConnectionPool.Tag("service/Db")<Db, BankConnection, CannotConnect>() {}

/** The connection of a request: leased when it is first used, and then the same one for all that the request does. */
export class RequestDb extends RequestConnection.Tag("service/RequestDb")<RequestDb>()(Db) {}
