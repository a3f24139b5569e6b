import type { Database } from "./database.js"
import { mariadb } from "./mariadb.js"
import * as pgbouncer from "./pgbouncer.js"
import { postgres } from "./postgres.js"

export const databases: Readonly<Record<Database["name"], Database>> = {
  postgres,
  mariadb,
  "pgbouncer-session": pgbouncer.session,
  "pgbouncer-transaction": pgbouncer.transaction
}
