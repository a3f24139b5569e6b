/** What `@cenote/core` exports under a name is what the module of that name exports. */
import * as Core from "@cenote/core"
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import * as PoolError from "@cenote/core/PoolError"
import * as PoolEvent from "@cenote/core/PoolEvent"
import * as PoolOptions from "@cenote/core/PoolOptions"
import * as PoolStats from "@cenote/core/PoolStats"
import * as SqlAdapter from "@cenote/sql-adapter"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, test } from "tstyche"

test("a namespace of the package is the module", () => {
  expect(Core.ConnectionPool).type.toBe<typeof ConnectionPool>()
  expect(Core.Connector).type.toBe<typeof Connector>()
  expect(Core.PoolError).type.toBe<typeof PoolError>()
  expect(Core.PoolEvent).type.toBe<typeof PoolEvent>()
  expect(Core.PoolOptions).type.toBe<typeof PoolOptions>()
  expect(Core.PoolStats).type.toBe<typeof PoolStats>()
  expect(SqlAdapter.PgConnector).type.toBe<typeof PgConnector>()
})

test("the testing kit is an entry point of its own", () => {
  expect(Core).type.not.toHaveProperty("FakeConnector")
})
