import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type * as Pool from "@cenote/core/ConnectionPool"
import type { AcquireError, InvalidOptions } from "@cenote/core/PoolError"
import type * as Reactivity from "@effect/experimental/Reactivity"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqliteConnection } from "../../SqliteConnection.js"
import * as SqliteConnector from "../../SqliteConnector.js"
import type { SqliteConnectError } from "../../SqliteError.js"
import type { SqliteConnectorConfig } from "../../SqliteOptions.js"
import * as Clients from "../client/client.js"
import type { Pools } from "../client/dialect.js"
import type { Unshared } from "../client/options.js"
import { attributesOf, transformRowsOf, unsharedPoolOf } from "../client/options.js"
import { TurnsOf } from "../client/Turns.js"
import type { Access } from "./access.js"
import { access } from "./access.js"
import { dialect } from "./dialect.js"
import type { Client, Options } from "./models.js"
import { resolve } from "./settings.js"

type ConnectionPools = Pick<Client, "readers" | "writer">

type Failure = AcquireError | InvalidOptions | Pool.StartupError<"probe", SqliteConnectError>

/** SQLite lets one connection write at a time: who waits for it waits in the order of the pool, and is not told that it is busy. */
const writing = (tuning: Unshared): Unshared => ({
  ...tuning,
  name: `${tuning.name ?? "sqlite"}, writer`,
  maxSize: 1,
  minSize: Math.min(tuning.minSize ?? 0, 1)
})

const reading = (tuning: Unshared): Unshared => ({ ...tuning, name: `${tuning.name ?? "sqlite"}, readers` })

const makePools = (
  connection: SqliteConnectorConfig,
  turns: TurnsOf<SqliteConnection>,
  tuning: Unshared
): Effect.Effect<ConnectionPools, Failure, Scope.Scope> =>
  Effect.gen(function*() {
    const { isFile, target } = yield* resolve(connection)
    const open = (config: SqliteConnectorConfig, tuning: Unshared) =>
      unsharedPoolOf(SqliteConnector.make(config), turns, tuning)
    if (target.readOnly) {
      const readers = yield* open(connection, tuning)
      return { readers, writer: readers }
    }
    const writer = yield* open(connection, writing(tuning))
    // Each connection to a memory has a database of its own.
    if (!isFile) return { readers: writer, writer }
    // It makes the file, and has it keep a log, before anybody reads.
    yield* writer.use(() => Effect.void)
    const { journalMode: _, ...config } = connection
    return { readers: yield* open({ ...config, readOnly: true }, reading(tuning)), writer }
  })

/** Texts come again, and reading one takes longer than many a statement. */
const mostTexts = 1000

const remembering = (read: (sql: string) => Access): (sql: string) => Access => {
  const known = new Map<string, Access>()
  return (sql) => {
    const before = known.get(sql)
    if (before !== undefined) return before
    if (known.size === mostTexts) known.clear()
    const found = read(sql)
    known.set(sql, found)
    return found
  }
}

const route = ({ readers, writer }: ConnectionPools): Pools<SqliteConnection> => {
  const widened = {
    reads: readers as ConnectionPool<SqliteConnection, unknown>,
    writes: writer as ConnectionPool<SqliteConnection, unknown>
  }
  const accessOf = remembering(access)
  return {
    forStatement: (sql) => widened[accessOf(sql)],
    forTransaction: ({ readOnly }) => widened[readOnly === true ? "reads" : "writes"],
    forReservation: widened.writes,
    forStream: (sql) => widened[accessOf(sql)]
  }
}

export const make = (
  { connection, spanAttributes, traceComments, transformQueryNames, transformResultNames, ...tuning }: Options
): Effect.Effect<Client, Failure, Scope.Scope | Reactivity.Reactivity> =>
  Effect.gen(function*() {
    const turns = new TurnsOf<SqliteConnection>()
    const pools = yield* makePools(connection, turns, tuning)
    const client = yield* Clients.make({
      dialect: dialect(Statement.makeCompilerSqlite(transformQueryNames)),
      pools: route(pools),
      turns,
      transformRows: transformRowsOf({ transformResultNames }),
      attributes: attributesOf({ spanAttributes }, { "db.system.name": "sqlite" }),
      traceComments: traceComments === true
    })
    return Object.assign(client, pools)
  })
