import type { Database } from "../databases/database.js"
import { disk } from "./disk.js"
import { failover } from "./failover.js"
import type { Fault } from "./fault.js"
import { network } from "./network.js"
import { server } from "./server.js"

/** Those that need a disk that can be full. */
export const ofDisk: ReadonlySet<Fault> = new Set(disk)

export const faults: ReadonlyArray<Fault> = [...network, ...server, ...disk, failover]

/** Those that a kind of database has. */
export const faultsOf: Readonly<Record<Database["name"], ReadonlyArray<Fault>>> = {
  postgres: faults,
  mariadb: [...network, ...server, failover]
}
