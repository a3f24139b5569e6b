/** The bank on a Cenote pool: each request has its connection, leased when its handler first uses it. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Redacted from "effect/Redacted"
import { url } from "../../measure/url.js"
import { move, read } from "../effects.js"
import { poolSize } from "../listen.js"
import { statements } from "../pg-connection.js"
import { listen, router } from "../router.js"

class Db extends ConnectionPool.Tag("bank/Db")<Db, PgConnector.PgConnection, PgConnector.PgConnectError>() {}

class RequestDb extends RequestConnection.Tag("bank/RequestDb")<RequestDb>()(Db) {}

const bank = router({
  transfer: (transfer) =>
    RequestDb.use((connection) => connection.withTransaction(move(statements(connection), transfer))),
  account: (id) => RequestDb.use((connection) => read(statements(connection), id))
})

export const start = (): Promise<number> =>
  listen(
    HttpRouter.use(bank, RequestDb.middleware),
    Db.layer({ connector: PgConnector.make({ url: Redacted.make(url()) }), maxSize: poolSize })
  )
