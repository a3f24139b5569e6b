/** A connector of other connections, in the application's words. */
import * as Connector from "@cenote/core/Connector"
import * as Effect from "effect/Effect"
import type { BankConnection } from "./connection.js"
import { CannotConnect } from "./connection.js"

/**
 * Opens, checks, resets, closes and aborts as the other one does. Only what the application sees of a connection is different, and what
 * it is told when there is none.
 */
export const inWords = <A, R>(
  connector: Connector.Connector<A, Error, R>,
  words: (connection: A) => BankConnection
): Connector.Connector<BankConnection, CannotConnect, R> => {
  const originals = new WeakMap<BankConnection, A>()
  const original = (connection: BankConnection): A => originals.get(connection)!
  const { abort, check, isBroken, needsReset, onLost, ping, reset } = connector

  return Connector.make({
    name: connector.name,
    open: connector.open.pipe(
      Effect.map((opened) => {
        const connection = words(opened)
        originals.set(connection, opened)
        return connection
      }),
      Effect.mapError((cause) => new CannotConnect({ cause }))
    ),
    check: check && ((connection) => check(original(connection))),
    ping: ping && ((connection) => ping(original(connection))),
    reset: reset && ((connection) => reset(original(connection))),
    needsReset: needsReset && ((connection) => needsReset(original(connection))),
    isBroken: isBroken && ((connection) => isBroken(original(connection))),
    onLost: onLost && ((connection, lost) => onLost(original(connection), lost)),
    abort: abort && ((connection) => abort(original(connection)))
  })
}
