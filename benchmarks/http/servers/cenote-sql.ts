/** The bank on PgPool: @effect/sql's SqlClient on a Cenote pool. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Redacted from "effect/Redacted"
import { url } from "../../measure/url.js"
import { poolSize } from "../listen.js"
import { listen, router } from "../router.js"
import { bank } from "../sql.js"

export const start = (): Promise<number> =>
  listen(router(bank), PgPool.layer({ connection: { url: Redacted.make(url()) }, maxSize: poolSize }))
