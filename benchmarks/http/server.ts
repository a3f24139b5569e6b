/** A process that is one of the servers, and nothing else. */
import type { ServerMessage } from "./protocol.js"
import { servers } from "./servers/index.js"

const tell = (message: ServerMessage): void => void process.send?.(message)

// Whoever started it has gone.
process.on("disconnect", () => process.exit(0))

process.on("message", () => {
  // What is left of the last turn is not part of the next one.
  globalThis.gc?.({ type: "minor" })
  const { system, user } = process.cpuUsage()
  tell({ _tag: "Cpu", microseconds: system + user })
})

const load = servers[process.argv[2] as string]
if (load === undefined) throw new Error(`Bug in the benchmarks: there is no server ${process.argv[2]}`)
const { start } = await load()
tell({ _tag: "Listening", port: await start() })
