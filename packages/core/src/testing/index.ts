/**
 * What tests of a pool's users need.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as FakeConnector from "./FakeConnector.js"
