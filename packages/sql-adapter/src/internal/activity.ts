/** A view of a server, over a pool of one connection that is not the application's pool. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Connector } from "@cenote/core/Connector"
import * as Effect from "effect/Effect"

/** Nobody has the connection when nobody looks: it is opened in a moment. */
const idleTimeout = "10 seconds"

/** Who looks is told soon that the server does not answer. */
const acquireTimeout = "2 seconds"

export const watch = <C, E, Rows, E2>(
  name: string,
  connector: Connector<C, E>,
  look: (connection: C) => Effect.Effect<Rows, E2>
) =>
  Effect.map(
    // None of the options can be wrong.
    Effect.orDie(ConnectionPool.make({ name, connector, maxSize: 1, idleTimeout, acquireTimeout })),
    (pool) => pool.use(look)
  )
