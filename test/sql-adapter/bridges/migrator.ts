/** Migrations: each once, in order, whole or not at all. */
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { ids, insert, table } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Subject, Test } from "./subject.js"

type Migrations = Record<string, Effect.Effect<void, unknown, SqlClient.SqlClient>>

let histories = 0

/** Runs migrations, of which a table of its own says which have been run. */
const migrator = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const history = `migrations_${histories++}`
  yield* sql`drop table if exists ${sql(history)}`
  yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table if exists ${sql(history)}`))
  return {
    run: (migrations: Migrations) => Migrator.make({})({ loader: Migrator.fromRecord(migrations), table: history }),
    history: Effect.map(
      sql<{ migration_id: number }>`select migration_id from ${sql(history)} order by migration_id`,
      (rows) => rows.map(({ migration_id }) => Number(migration_id))
    )
  }
})

/** A migration that writes a row. */
const writes = (name: string, id: number) =>
  Effect.asVoid(Effect.flatMap(SqlClient.SqlClient, (sql) => insert(sql, name, id)))

const migrationError = (exit: Exit.Exit<unknown, unknown>) =>
  Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as Migrator.MigrationError

export const migrations = <P, R>(test: Test<P, R>, { dialect, layer, stats }: Subject<P, R>): void => {
  test(
    "Migrator: runs each migration once, in the order of their numbers",
    Effect.gen(function*() {
      const { history, run } = yield* migrator
      const ran: Array<number> = []
      const note = (id: number) => Effect.sync(() => void ran.push(id))
      const first: Migrations = { "0010_c": note(10), "0002_b": note(2), "0001_a": note(1) }
      expect(yield* run(first)).toEqual([[1, "a"], [2, "b"], [10, "c"]])
      expect(yield* run(first)).toEqual([])
      expect(yield* run({ ...first, "0011_d": note(11) })).toEqual([[11, "d"]])
      expect(ran).toEqual([1, 2, 10, 11])
      expect(yield* history).toEqual([1, 2, 10, 11])
    })
  )

  test(
    "Migrator: a migration that fails says which, and those before it are rolled back with it",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { history, run } = yield* migrator
      const name = yield* table(sql)
      const failing = Effect.asVoid(sql`select nonsense from nowhere`)
      const exit = yield* Effect.exit(run({ "1_good": writes(name, 1), "2_bad": failing }))
      // @effect/sql makes a defect of it.
      expect(migrationError(exit)).toMatchObject({ _tag: "MigrationError", reason: "failed" })
      expect(migrationError(exit).message).toContain("2_bad")
      expect(migrationError(exit).cause).toBeInstanceOf(SqlError)
      expect(yield* ids(sql, name)).toEqual([])
      expect(yield* history).toEqual([])
      yield* run({ "1_good": writes(name, 1), "2_mended": writes(name, 2) })
      expect(yield* ids(sql, name)).toEqual([1, 2])
      expect(yield* history).toEqual([1, 2])
    })
  )

  test(
    "Migrator: migrations with the same number are a typed failure, and none is run",
    Effect.gen(function*() {
      const { history, run } = yield* migrator
      const ran: Array<string> = []
      const error = yield* Effect.flip(
        run({
          "1_a": Effect.sync(() => void ran.push("a")),
          "01_b": Effect.sync(() => void ran.push("b"))
        })
      )
      expect(error).toMatchObject({ _tag: "MigrationError", reason: "duplicates" })
      expect(ran).toEqual([])
      expect(yield* history).toEqual([])
    })
  )

  // MySQL commits before each statement that changes a schema.
  if (dialect !== "mysql") {
    test(
      "Migrator: a schema that was changed is as it was, where a later migration fails",
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const { run } = yield* migrator
        const name = yield* table(sql)
        const exit = yield* Effect.exit(run({
          "1_good": Effect.asVoid(sql`alter table ${sql(name)} add column more integer`),
          "2_bad": Effect.fail("no")
        }))
        expect(migrationError(exit)).toMatchObject({ reason: "failed", cause: "no" })
        yield* insert(sql, name, 1)
        expect(yield* sql`select * from ${sql(name)}`).toEqual([{ id: 1, some_text: "row 1" }])
      })
    )
  }

  test(
    "Migrator: of two programs at the same time, one runs the migrations and the other finds them done",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { history, run } = yield* migrator
      const name = yield* table(sql)
      // The history is there: two programs that make it at the same time are a race that @effect/sql does not mend.
      yield* run({ "1_first": writes(name, 1) })
      const inside = yield* Deferred.make<void>()
      const both = yield* Deferred.make<void>()
      const program = run({
        "1_first": writes(name, 1),
        "2_second": Deferred.succeed(inside, undefined).pipe(
          Effect.zipRight(Deferred.await(both)),
          Effect.zipRight(writes(name, 2))
        )
      })
      const other = Deferred.await(inside).pipe(
        Effect.zipRight(Effect.fork(program)),
        Effect.tap(() =>
          Effect.zipRight(
            until("the other one has a connection", Effect.map(stats, ({ leased }) => leased === 1)),
            Deferred.succeed(both, undefined)
          )
        ),
        Effect.flatten,
        Effect.provide(layer())
      )
      expect(yield* Effect.all([program, other], { concurrency: 2 })).toEqual([[[2, "second"]], []])
      expect(yield* ids(sql, name)).toEqual([1, 2])
      expect(yield* history).toEqual([1, 2])
    })
  )

  test(
    "Migrator: two programs that both start on an empty database run each migration once, where the loser tries again",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { run } = yield* migrator
      const name = yield* table(sql)
      const program = Effect.retry(run({ "1_first": writes(name, 1), "2_second": writes(name, 2) }), { times: 3 })
      const done = yield* Effect.all([program, Effect.provide(program, layer())], { concurrency: 2 })
      expect(done.flat()).toEqual([[1, "first"], [2, "second"]])
      expect(yield* ids(sql, name)).toEqual([1, 2])
    })
  )
}
