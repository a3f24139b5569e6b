/**
 * How connections of one kind are opened, checked, reset and closed: what an adapter package supplies.
 *
 * Only `open` is needed, and a plain scoped Effect is a connector too. Every other step is optional, and each one that is
 * given makes the pool safer: with `check` a stale connection is found before a caller meets it, with `abort` a
 * connection that hangs cannot hold up its permit, with `onLost` a connection that dies idle is gone at once.
 *
 * The pool runs each step in a fiber of its own, in the context that the pool was made with, and bounds it in time. A step
 * that takes longer is interrupted; one that ignores the interruption is given up on.
 *
 * @since 0.1.0
 */
export * from "./model/connector.js"
