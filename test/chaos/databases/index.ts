import type { Database } from "./database.js"
import { mariadb } from "./mariadb.js"
import { postgres } from "./postgres.js"

export const databases: Readonly<Record<Database["name"], Database>> = { postgres, mariadb }
