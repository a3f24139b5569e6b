/**
 * @since 0.1.0
 */
export * as ConnectionPool from "./ConnectionPool.js"

/**
 * @since 0.1.0
 */
export * as Connector from "./Connector.js"

/**
 * @since 0.1.0
 */
export * as KeyedPool from "./KeyedPool.js"

/**
 * @since 0.1.0
 */
export * as PoolError from "./PoolError.js"

/**
 * @since 0.1.0
 */
export * as PoolEvent from "./PoolEvent.js"

/**
 * @since 0.1.0
 */
export * as PoolHealth from "./PoolHealth.js"

/**
 * @since 0.1.0
 */
export * as PoolMetrics from "./PoolMetrics.js"

/**
 * @since 0.1.0
 */
export * as PoolOptions from "./PoolOptions.js"

/**
 * @since 0.1.0
 */
export * as PoolStats from "./PoolStats.js"
