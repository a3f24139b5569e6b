/**
 * What happens in a pool, as values: each with its reason, for logs, metrics and tests.
 *
 * @since 0.1.0
 */
export * from "./model/events.js"
