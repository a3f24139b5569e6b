/**
 * What a pool can be told: each option with its default, and what goes wrong when it is too small or too large.
 *
 * @since 0.1.0
 */
export * from "./model/options.js"
