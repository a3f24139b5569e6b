/** A connection as somebody has it for a time: when that is over, none of their statements reaches the server. */
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Statement from "@effect/sql/Statement"
import type { Vitest } from "@effect/vitest"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dialect } from "../../packages/sql-adapter/src/internal/client/dialect.js"
import { dialect as mysql } from "../../packages/sql-adapter/src/internal/mysql/dialect.js"
import { dialect as postgresql } from "../../packages/sql-adapter/src/internal/pg/dialect.js"
import { dialect as sqlite } from "../../packages/sql-adapter/src/internal/sqlite/dialect.js"
import { suite } from "../support/mysql.js"
import { layer as postgres } from "../support/postgres.js"
import { open as openPg } from "./harness.js"
import { open as openMysql } from "./mysqlHarness.js"
import { open as openSqlite } from "./sqliteHarness.js"

const guards = <A, E, R>(
  it: Vitest.MethodsNonLive<R, boolean>,
  open: Effect.Effect<A, unknown, Scope.Scope | R>,
  dialect: Dialect<A, E>
): void => {
  const kinds: Record<string, (connection: A, sql: string) => Effect.Effect<unknown, E>> = {
    rows: (connection, sql) => dialect.rows(connection, sql, []),
    unprepared: (connection, sql) => dialect.unprepared(connection, sql, []),
    values: (connection, sql) => dialect.values(connection, sql, []),
    raw: (connection, sql) => dialect.raw(connection, sql, []),
    stream: (connection, sql) => Stream.runDrain(dialect.stream(connection, sql, []))
  }

  for (const [kind, ask] of Object.entries(kinds)) {
    it.scoped(`${kind}: what was begun to be asked for in time, and is asked when it is over, is refused`, () =>
      Effect.gen(function*() {
        const connection = yield* open
        let isOver = false
        const within = dialect.within(connection, () => isOver)
        yield* dialect.rows(connection, "create temporary table guarded (n int)", [])
        yield* ask(within, "insert into guarded values (1)")
        // Made while it was not over, and run when it is.
        const late = ask(within, "insert into guarded values (2)")
        isOver = true
        expect(yield* Effect.flip(late)).toMatchObject({
          message: expect.stringContaining("does not have the connection")
        })
        // The connection is as good as before for others.
        expect(yield* dialect.rows(connection, "select n from guarded", [])).toEqual([{ n: 1 }])
        yield* dialect.begin(connection, {})
        expect(yield* dialect.finish(connection, "COMMIT")).toBe("Done")
      }))
  }
}

layer(Layer.empty, { excludeTestServices: true })(
  "SQLite",
  (it) => guards(it, openSqlite({ filename: ":memory:" }), sqlite(Statement.makeCompilerSqlite()))
)

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })(
  "PostgreSQL",
  (it) => guards(it, openPg(), postgresql(PgClient.makeCompiler()))
)

suite("guard", "MySQL", (it) => guards(it, openMysql(), mysql(MysqlClient.makeCompiler(), false)))
