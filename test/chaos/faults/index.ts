import type { Database } from "../databases/database.js"
import { disk } from "./disk.js"
import { failover } from "./failover.js"
import type { Fault } from "./fault.js"
import { network } from "./network.js"
import { pgbouncer } from "./pgbouncer.js"
import { server } from "./server.js"

/** Those that need a disk that can be full. */
export const ofDisk: ReadonlySet<Fault> = new Set(disk)

/** Those of a server and of the way there. */
export const faultsOfServers: ReadonlyArray<Fault> = [...network, ...server, ...disk, failover]

/** Those of PgBouncer besides. */
export const faultsOfPgBouncer: ReadonlyArray<Fault> = pgbouncer

export const faults: ReadonlyArray<Fault> = [...faultsOfServers, ...pgbouncer]

/** Those that a kind of database has. */
export const faultsOf: Readonly<Record<Database["name"], ReadonlyArray<Fault>>> = {
  postgres: faultsOfServers,
  mariadb: [...network, ...server, failover],
  "pgbouncer-session": faults,
  "pgbouncer-transaction": faults
}
