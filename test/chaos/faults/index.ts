import { failover } from "./failover.js"
import type { Fault } from "./fault.js"
import { network } from "./network.js"
import { server } from "./server.js"

export const faults: ReadonlyArray<Fault> = [...network, ...server, failover]
