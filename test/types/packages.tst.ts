/** What `@cenote/core` exports under a name is what the module of that name exports. */
import * as Core from "@cenote/core"
import type * as ConnectionPool from "@cenote/core/ConnectionPool"
import type * as Connector from "@cenote/core/Connector"
import type * as PoolError from "@cenote/core/PoolError"
import type * as PoolEvent from "@cenote/core/PoolEvent"
import type * as PoolHealth from "@cenote/core/PoolHealth"
import type * as PoolMetrics from "@cenote/core/PoolMetrics"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type * as PoolStats from "@cenote/core/PoolStats"
import * as SqlAdapter from "@cenote/sql-adapter"
import type * as SqlTransaction from "@cenote/sql-adapter/SqlTransaction"
import { expect, test } from "tstyche"

test("a namespace of the package is the module", () => {
  expect(Core.ConnectionPool).type.toBe<typeof ConnectionPool>()
  expect(Core.Connector).type.toBe<typeof Connector>()
  expect(Core.PoolError).type.toBe<typeof PoolError>()
  expect(Core.PoolEvent).type.toBe<typeof PoolEvent>()
  expect(Core.PoolHealth).type.toBe<typeof PoolHealth>()
  expect(Core.PoolMetrics).type.toBe<typeof PoolMetrics>()
  expect(Core.PoolOptions).type.toBe<typeof PoolOptions>()
  expect(Core.PoolStats).type.toBe<typeof PoolStats>()
  expect(SqlAdapter.SqlTransaction).type.toBe<typeof SqlTransaction>()
})

test("the testing kit is an entry point of its own", () => {
  expect(Core).type.not.toHaveProperty("FakeConnector")
})
