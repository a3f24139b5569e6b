import * as net from "node:net"
import type { Timer } from "../timer.js"
import type { Cancel, CancelOutcome } from "../wire/work.js"
import type { ClientOptions } from "./driver.js"
import { isServerError, makeClient } from "./driver.js"

/** What is to be stopped, and where: at the address that the connection itself has, as a name may have several. */
export interface KillTarget extends ClientOptions {
  readonly threadId: number
  readonly address: net.NetConnectOpts
  /** Which server it is, as `identify` answers it. */
  readonly server: string | undefined
  /** A statement alone, or the session with it. */
  readonly what: "QUERY" | "CONNECTION"
}

/**
 * Which server it is. Behind an address there may be several, where a balancer chooses one for each connection, and another
 * server has another session of the same number.
 */
export const identify = "SELECT CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@datadir)"

/** Its answer, rows as arrays. `undefined` for a server that has no answer. */
export const identityOf = (rows: unknown): string | undefined => {
  const value = Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0][0] : undefined
  return value === undefined ? undefined : String(value)
}

/** How often another connection is opened where one has reached another server. */
const tries = 5

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
  let life: Life = "Connecting"
  let hangUp = () => {}

  const end = (outcome: CancelOutcome) => {
    if (life === "Ended") return
    life = "Ended"
    done(outcome)
  }
  const attempt = (left: number) => {
    const socket = new net.Socket()
    let isElsewhere = false
    hangUp = () => socket.destroy()
    const client = makeClient(target, socket, { failed: hangUp })
    client.on("error", hangUp)
    socket.once("close", () => {
      if (isElsewhere && life === "Connecting" && left > 1) return attempt(left - 1)
      stopTimer()
      end(life === "Sent" ? "Unknown" : "NotSent")
    })
    client.once("connect", () => {
      client.query({ sql: identify, rowsAsArray: true }, (error: unknown, rows: unknown) => {
        if (life !== "Connecting" || (error && !isServerError(error))) return socket.destroy()
        if ((error ? undefined : identityOf(rows)) !== target.server) {
          isElsewhere = true
          return void client.end(() => {})
        }
        life = "Sent"
        client.query(`KILL ${target.what} ${target.threadId}`, (error: unknown) => {
          // Refused, too, is answered: the session is gone already, or another user's.
          if (error && !isServerError(error)) return socket.destroy()
          end("Done")
          client.end(() => {})
        })
      })
    })
    socket.setNoDelay(true)
    socket.connect(target.address)
  }
  const stopTimer = after(timeout, () => {
    // Nothing is tried any more.
    if (life === "Connecting") end("NotSent")
    hangUp()
  })
  attempt(tries)

  return {
    drop: () => {
      if (life !== "Connecting") return false
      life = "Ended"
      hangUp()
      return true
    }
  }
}
