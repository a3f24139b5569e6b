import type { ConnectionOptions } from "node:tls"
import pg from "pg"
import type { Timer } from "../timer.js"
import { tlsFor } from "../wire/tls.js"
import type { Cancel, CancelOutcome } from "../wire/work.js"
import type { DriverConnection } from "./driver.js"
import { guard } from "./driver.js"

/** Who is to be cancelled, and where: at the address that the connection itself has, as a name may have several. */
export interface CancelTarget {
  readonly processId: number
  readonly secretKey: number
  /** An address, or the directory of a Unix socket. */
  readonly address: string
  readonly port: number
  /** The name that the server's certificate is for. */
  readonly host: string
  readonly ssl: boolean | ConnectionOptions
  readonly sslNegotiation: "postgres" | "direct"
}

/**
 * Asks the server to cancel what a connection runs, over a socket of its own. Calls `done` once, in any case, not before it has
 * returned, and within `timeout` milliseconds, unless it was dropped.
 */
export const sendCancel = (
  target: CancelTarget,
  timeout: number,
  after: Timer,
  done: (outcome: CancelOutcome) => void
): Cancel => {
  const connection = new pg.Connection({
    ssl: tlsFor(target.host, target.ssl),
    sslNegotiation: target.sslNegotiation
  } as pg.ConnectionConfig) as unknown as DriverConnection
  const socket = connection.stream
  let state: "connecting" | "sent" | "timedOut" | "dropped" = "connecting"

  const send = () => {
    if (state !== "connecting") return
    state = "sent"
    connection.cancel(target.processId, target.secretKey)
  }
  const stopTimer = after(timeout, () => {
    if (state === "sent") state = "timedOut"
    socket.destroy()
  })

  guard(connection)
  connection.on("error", () => socket.destroy())
  // The server closes the connection after it has signalled the backend.
  connection.once("end", () => {
    stopTimer()
    switch (state) {
      case "dropped":
        return
      case "connecting":
        return done("NotSent")
      case "sent":
        return done("Done")
      case "timedOut":
        return done("Unknown")
    }
  })
  connection.on("connect", () => {
    if (target.ssl === false) send()
    else if (target.sslNegotiation === "postgres") connection.requestSsl()
  })
  connection.on("sslconnect", send)
  if (target.address.startsWith("/")) connection.connect(`${target.address}/.s.PGSQL.${target.port}`)
  else connection.connect(target.port, target.address)

  return {
    drop: () => {
      if (state !== "connecting") return false
      state = "dropped"
      stopTimer()
      socket.destroy()
      return true
    }
  }
}
