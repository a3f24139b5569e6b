/** The book of all transfers. It is only ever added to. */
import * as Effect from "effect/Effect"
import { RequestDb } from "./connection.js"
import type { Transfer } from "./domain.js"

export class Ledger extends Effect.Service<Ledger>()("service/Ledger", {
  succeed: {
    append: (transfer: Transfer) => RequestDb.use((connection) => connection.append(transfer)),
    page: (after: number, limit: number) => RequestDb.use((connection) => connection.entries(after, limit)),
    snapshot: RequestDb.stream((connection) => connection.snapshot)
  }
}) {}
