import * as net from "node:net"
import type { Timer } from "../timer.js"
import type { Cancel, CancelOutcome } from "../wire/wire.js"
import type { ClientOptions } from "./driver.js"
import { isServerError, makeClient } from "./driver.js"

/** What is to be stopped, and where: at the address that the connection itself has, as a name may have several. */
export interface KillTarget extends ClientOptions {
  readonly threadId: number
  readonly address: net.NetConnectOpts
  /** A statement alone, or the session with it. */
  readonly what: "QUERY" | "CONNECTION"
}

/**
 * - `Connecting`: the server knows nothing of it yet.
 * - `Sent`: it may be done at any time.
 * - `Ended`: it was answered, dropped, or given up.
 */
type Life = "Connecting" | "Sent" | "Ended"

/**
 * Has the server stop what a connection runs, over a connection of its own, which is closed at once. Calls `done` once, in any case,
 * not before it has returned, and within `timeout` milliseconds, unless it was dropped.
 */
export const sendKill = (
  target: KillTarget,
  timeout: number,
  after: Timer,
  done: (outcome: CancelOutcome) => void
): Cancel => {
  const socket = new net.Socket()
  let life: Life = "Connecting"

  const end = (outcome: CancelOutcome) => {
    if (life === "Ended") return
    life = "Ended"
    done(outcome)
  }
  const client = makeClient(target, socket, { failed: () => socket.destroy() })
  const stopTimer = after(timeout, () => socket.destroy())
  client.on("error", () => socket.destroy())
  socket.once("close", () => {
    stopTimer()
    end(life === "Sent" ? "Unknown" : "NotSent")
  })
  client.once("connect", () => {
    if (life !== "Connecting") return
    life = "Sent"
    client.query(`KILL ${target.what} ${target.threadId}`, (error: unknown) => {
      // Refused, too, is answered: the session is gone already, or another user's.
      if (error && !isServerError(error)) return socket.destroy()
      end("Done")
      client.end(() => {})
    })
  })
  socket.setNoDelay(true)
  socket.connect(target.address)

  return {
    drop: () => {
      if (life !== "Connecting") return false
      life = "Ended"
      socket.destroy()
      return true
    }
  }
}
