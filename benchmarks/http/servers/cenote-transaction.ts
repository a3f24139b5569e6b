/** The bank on PgPool: each request is a transaction, but for those that only read. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Redacted from "effect/Redacted"
import { url } from "../../measure/url.js"
import { poolSize } from "../listen.js"
import { listen, router } from "../router.js"
import { account, transfer } from "../sql.js"

const bank = router({ transfer, account: (id) => RequestTransaction.outside(account(id)) })

export const start = (): Promise<number> =>
  listen(
    HttpRouter.use(bank, RequestTransaction.middleware()),
    PgPool.layer({ connection: { url: Redacted.make(url()) }, maxSize: poolSize })
  )
