/**
 * What needs no database's driver. A connector or a client is imported by its name, `@cenote/sql-adapter/PgPool`: what is imported
 * from here must be there for everybody, and nobody installs all drivers.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as PgNotification from "./PgNotification.js"

/**
 * @since 0.1.0
 */
export * as SqlTransaction from "./SqlTransaction.js"
