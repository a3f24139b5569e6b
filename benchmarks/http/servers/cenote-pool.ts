/** The bank on a Cenote pool: each handler leases a connection for as long as it needs one. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Redacted from "effect/Redacted"
import { url } from "../../measure/url.js"
import { move, read } from "../effects.js"
import { poolSize } from "../listen.js"
import { statements } from "../pg-connection.js"
import { listen, router } from "../router.js"

class Db extends ConnectionPool.Tag("bank/Db")<Db, PgConnector.PgConnection, PgConnector.PgConnectError>() {}

export const start = (): Promise<number> =>
  listen(
    router({
      transfer: (transfer) =>
        Db.use((connection) => connection.withTransaction(move(statements(connection), transfer))),
      account: (id) => Db.use((connection) => read(statements(connection), id))
    }),
    Db.layer({ connector: PgConnector.make({ url: Redacted.make(url()) }), maxSize: poolSize })
  )
