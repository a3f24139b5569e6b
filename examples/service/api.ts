/** What the application offers over HTTP: each parameter, each answer and each error has a schema. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"
import { RequestDb } from "./connection.js"
import {
  Account,
  AccountId,
  ConnectionLost,
  Entry,
  InsufficientFunds,
  NewAccount,
  Transfer,
  UnknownAccount
} from "./domain.js"

const id = HttpApiSchema.param("id", Schema.compose(Schema.NumberFromString, AccountId))

/** One JSON value a line: entries, and at last how many they were. An answer without that line was cut short. */
const Lines = HttpApiSchema.Text({ contentType: "application/x-ndjson" })

/** Server-sent events: an account, and then the transfers that it has part in. */
const EventStream = HttpApiSchema.Text({ contentType: "text/event-stream" })

// `RequestDb.Api` gives the handlers of a group their request's connection, and the group two more errors: `Unavailable` (503) where
// there is none to be had, and `RequestEnded`.

const accounts = HttpApiGroup.make("accounts")
  .add(HttpApiEndpoint.post("open", "/accounts").setPayload(NewAccount).addSuccess(Account, { status: 201 }))
  .add(HttpApiEndpoint.get("find")`/accounts/${id}`.addSuccess(Account).addError(UnknownAccount))
  .add(HttpApiEndpoint.get("events")`/accounts/${id}/events`.addSuccess(EventStream).addError(UnknownAccount))
  .addError(ConnectionLost)
  .middleware(RequestDb.Api)

const transfers = HttpApiGroup.make("transfers")
  .add(HttpApiEndpoint.post("make", "/transfers").setPayload(Transfer).addSuccess(Entry, { status: 201 }))
  .addError(UnknownAccount)
  .addError(InsufficientFunds)
  .addError(ConnectionLost)
  .middleware(RequestDb.Api)

const report = HttpApiGroup.make("report")
  .add(HttpApiEndpoint.get("rows", "/report").addSuccess(Lines))
  .add(HttpApiEndpoint.get("snapshot", "/report/snapshot").addSuccess(Lines))
  .middleware(RequestDb.Api)

export class Bank extends HttpApi.make("bank").add(accounts).add(transfers).add(report) {}
