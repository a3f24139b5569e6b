/**
 * What `RequestConnection` is made of, for those who make a service of their own that belongs to one HTTP request, as the
 * request's transaction of @cenote/sql-adapter is.
 *
 * It needs @effect/platform, and is not part of the package's index.
 *
 * @since 0.1.0
 */

export {
  /**
   * Something that the fibers of one request share: acquired by whoever uses it first, and released when nobody needs it.
   *
   * It is acquired in a fiber of its own: so who else waits for it keeps the place in the queue when its first user is
   * interrupted. When nobody waits any more, the acquiring is interrupted. A failure goes to those who wait, and is not
   * remembered: the next use tries again.
   *
   * @since 0.1.0
   * @category models
   */
  Shared
} from "./http/Shared.js"

export {
  /**
   * Logs why a request got no connection, whole, and fails with what its client may know of it. `service` names in the log
   * what asked; `error` is what the pool failed with. Interrupting it changes nothing: it does not wait.
   *
   * @since 0.1.0
   * @category errors
   */
  unavailable
} from "./http/unavailable.js"
