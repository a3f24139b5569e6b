import type { Connector } from "@cenote/core/Connector"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import pg from "pg"
import type { PgConnection } from "../../PgConnection.js"
import type { PgConnectError, PgQueryError } from "../../PgError.js"
import { deafError } from "./failure.js"
import type { Session } from "./session.js"

/** It takes a few milliseconds, or it never comes. */
const patience = Duration.seconds(5)

/** A server says by which process it serves a session. A pooler makes that up. */
const isPooled = (connection: PgConnection): Effect.Effect<boolean, PgQueryError> =>
  Effect.map(
    connection.query<{ pid: number }>("select pg_backend_pid() as pid"),
    ({ rows: [row] }) => row!.pid !== connection.processId
  )

/** Whether it could have arrived by now: another connection notifies it, and a while is over. */
const notify = (connector: Connector<PgConnection, PgConnectError>, channel: string): Effect.Effect<boolean> =>
  Effect.flatMap(connector.open, ({ query }) => query("select pg_notify($1, '')", [channel])).pipe(
    Effect.scoped,
    Effect.timeout(patience),
    Effect.zipRight(Effect.sleep(patience)),
    Effect.isSuccess
  )

const arrives = ({ unsafeClient }: PgConnection, own: string): Effect.Effect<void> =>
  Effect.async((resume) => {
    const listener = ({ channel }: { readonly channel: string }) => {
      if (channel === own) resume(stop)
    }
    const stop = Effect.sync(() => void unsafeClient.off("notification", listener))
    unsafeClient.on("notification", listener)
    return stop
  })

/**
 * Fails where the connection hears nothing: behind a pooler that gives the session of the server to somebody else between two transactions, LISTEN
 * succeeds, and what is notified arrives at whoever has the session then.
 */
export const ensureHearing = (
  connector: Connector<PgConnection, PgConnectError>,
  connection: PgConnection
): Effect.Effect<void, PgConnectError | PgQueryError> =>
  Effect.gen(function*() {
    if (!(yield* isPooled(connection))) return
    const own = `cenote_${randomUUID()}`
    const name = pg.escapeIdentifier(own)
    yield* connection.query(`LISTEN ${name}`)
    const isDeaf = yield* Effect.raceFirst(Effect.as(arrives(connection, own), false), notify(connector, own))
    yield* connection.query(`UNLISTEN ${name}`)
    if (isDeaf) return yield* deafError((connection as Session).place)
  })
