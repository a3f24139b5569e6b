/** The words of the application. They know of no database and no HTTP, except which status an error means. */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"

export const AccountId = Schema.Int.pipe(Schema.positive(), Schema.brand("AccountId"))
export type AccountId = typeof AccountId.Type

/** In cents: money is counted, not measured. */
export const Amount = Schema.Int.pipe(Schema.between(1, 100_000_000))

export class Account extends Schema.Class<Account>("Account")({
  id: AccountId,
  owner: Schema.NonEmptyTrimmedString,
  balance: Schema.Int
}) {}

export class NewAccount extends Schema.Class<NewAccount>("NewAccount")({
  owner: Schema.NonEmptyTrimmedString.pipe(Schema.maxLength(100)),
  balance: Schema.Int.pipe(Schema.between(0, 100_000_000))
}) {}

export class Transfer extends Schema.Class<Transfer>("Transfer")(
  Schema.Struct({ from: AccountId, to: AccountId, amount: Amount }).pipe(
    Schema.filter(({ from, to }) => from !== to || "from and to are the same account")
  )
) {}

/** A transfer that was made. */
export class Entry extends Schema.Class<Entry>("Entry")({
  number: Schema.Int,
  from: AccountId,
  to: AccountId,
  amount: Amount
}) {}

export class UnknownAccount extends Schema.TaggedError<UnknownAccount>()(
  "UnknownAccount",
  { id: AccountId },
  HttpApiSchema.annotations({ status: 404 })
) {}

export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()(
  "InsufficientFunds",
  { id: AccountId },
  HttpApiSchema.annotations({ status: 409 })
) {}

/** The connection was lost in the middle. What was asked may have been done: look before you ask again. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()(
  "ConnectionLost",
  {},
  HttpApiSchema.annotations({ status: 502 })
) {}
