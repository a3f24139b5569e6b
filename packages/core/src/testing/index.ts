/**
 * What tests of a pool's users need: a pool over a server that does not exist and does what a test tells it to, and runs of a service in
 * many orders of its fibers.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as FakeConnector from "./FakeConnector.js"

/**
 * @since 0.1.0
 */
export * as Outage from "./Outage.js"

/**
 * @since 0.1.0
 */
export * as Schedules from "./Schedules.js"

/**
 * @since 0.1.0
 */
export * as TestPool from "./TestPool.js"

/**
 * @since 0.1.0
 */
export * as World from "./World.js"
