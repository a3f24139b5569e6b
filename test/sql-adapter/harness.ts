import type { PgConnection, PgConnectorConfig } from "@cenote/sql-adapter/PgConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as net from "node:net"
import type { Server } from "../support/postgres.js"
import { Postgres } from "../support/postgres.js"

/** The options that reach this server. */
export const optionsOf = ({ database, host, password, port, user }: Server): PgConnectorConfig => ({
  host,
  port,
  database,
  user,
  password
})

/** A connection to the test's server, with some options other than the usual. */
export const open = (
  options: PgConnectorConfig = {}
): Effect.Effect<PgConnection, PgConnector.PgConnectError, Scope.Scope | Postgres> =>
  Effect.flatMap(Postgres, (server) => PgConnector.make({ ...optionsOf(server), ...options }).open)

/** The connector's steps, which don't depend on its options. */
export const steps = PgConnector.make({}) as unknown as
  & {
    readonly [Step in "check" | "reset"]: (connection: PgConnection) => Effect.Effect<unknown, unknown>
  }
  & {
    readonly [Step in "needsReset" | "isBroken"]: (connection: PgConnection) => boolean
  }
  & {
    readonly onLost: (connection: PgConnection, lost: (reason: unknown) => void) => void
    readonly abort: (connection: PgConnection) => void
  }

/** Waits until it holds; fails the test after ten seconds. */
export const until = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  holds.pipe(
    Effect.repeat({ until: (held) => held, schedule: Schedule.spaced(5) }),
    Effect.timeoutTo({
      duration: "10 seconds",
      onSuccess: () => Effect.void,
      onTimeout: () => Effect.dieMessage(`Not in 10 seconds: ${what}`)
    }),
    Effect.flatten
  )

/** What the server says of a session: `undefined` when it is gone. */
export const activity = (processId: number) =>
  Effect.flatMap(Postgres, (server) =>
    Effect.map(
      server.query("select state, query, application_name from pg_stat_activity where pid = $1", [processId]),
      ([row]) => row as { state: string; query: string; application_name: string } | undefined
    ))

/** Waits until this session runs a statement that contains `text`. */
export const isRunning = (processId: number, text: string) =>
  until(
    `${processId} runs ${text}`,
    Effect.map(activity(processId), (row) => row?.state === "active" && row.query.includes(text))
  )

export const isGone = (processId: number) =>
  until(`${processId} is gone`, Effect.map(activity(processId), (row) => row === undefined))

/** A server that is none: what it does with each connection is up to the test. */
export const strangeServer = (
  onConnection: (socket: net.Socket) => void
): Effect.Effect<
  { readonly host: string; readonly port: number; readonly sockets: () => number },
  never,
  Scope.Scope
> =>
  Effect.acquireRelease(
    Effect.async<{ host: string; port: number; sockets: () => number; close: Effect.Effect<void> }>((resume) => {
      const sockets = new Set<net.Socket>()
      const server = net.createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        // One that nobody reads does not notice its end.
        socket.resume()
        socket.on("close", () => sockets.delete(socket))
        onConnection(socket)
      })
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({
          host: "127.0.0.1",
          port: (server.address() as net.AddressInfo).port,
          sockets: () => sockets.size,
          close: Effect.async((resume) => {
            for (const socket of sockets) socket.destroy()
            server.close(() => resume(Effect.void))
          })
        })))
    }),
    ({ close }) => close
  )
