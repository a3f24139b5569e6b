/**
 * What asking a pool for a connection can fail with, besides what opening the connection fails with.
 *
 * @since 0.1.0
 */
export * from "./model/errors.js"
