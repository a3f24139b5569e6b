/** When a client has gone. */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import { constVoid } from "effect/Function"
import { hasProperty, isFunction } from "effect/Predicate"

/** A socket of Node, seen from a package that runs elsewhere too. */
interface Closing {
  readonly destroyed?: boolean
  readonly once: (event: "close", listener: () => void) => unknown
  readonly off: (event: "close", listener: () => void) => unknown
}

const isClosing = (u: unknown): u is Closing =>
  hasProperty(u, "once") && isFunction(u.once) && hasProperty(u, "off") && isFunction(u.off)

/**
 * Calls `listener` once when the request's client has gone, as far as the server tells: Node's socket closes, a web Request's
 * signal aborts. At once, if it has gone already. Gives what takes the listener away again.
 */
export const onDisconnect = ({ source }: HttpServerRequest, listener: () => void): () => void => {
  if (hasProperty(source, "socket") && isClosing(source.socket)) {
    const { socket } = source
    if (socket.destroyed === true) {
      listener()
      return constVoid
    }
    socket.once("close", listener)
    return () => socket.off("close", listener)
  }
  if (hasProperty(source, "signal") && source.signal instanceof AbortSignal) {
    const { signal } = source
    if (signal.aborted) {
      listener()
      return constVoid
    }
    signal.addEventListener("abort", listener, { once: true })
    return () => signal.removeEventListener("abort", listener)
  }
  return constVoid
}
