/**
 * @since 0.1.0
 */
export * as PgConnector from "./PgConnector.js"
