/** The bank on @effect/sql-pg. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Redacted from "effect/Redacted"
import { url } from "../../measure/url.js"
import { poolSize } from "../listen.js"
import { listen, router } from "../router.js"
import { bank } from "../sql.js"

export const start = (): Promise<number> =>
  listen(router(bank), PgClient.layer({ url: Redacted.make(url()), maxConnections: poolSize }))
