/**
 * A pool's sizes and totals at one moment.
 *
 * @since 0.1.0
 */
export * from "./model/stats.js"
