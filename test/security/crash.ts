/** A program that cannot connect, as its password is wrong, and does not handle it. The argument says how it ends. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const { CRASH_HOST: host, CRASH_PASSWORD: password = "", CRASH_PORT: port } = process.env

const Live = PgPool.layer({
  connection: { host, port: Number(port), user: "app", database: "postgres", password: Redacted.make(`${password}!`) },
  leakTracing: true
})

const asked = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`)
const used = PgPool.PgPool.use((connection) => connection.query("select 1"))

switch (process.argv[2]) {
  case "throw": {
    const cause = await Effect.runPromise(Effect.provide(Effect.flip(Effect.sandbox(used)), Live))
    setImmediate(() => {
      throw Cause.squash(cause)
    })
    break
  }
  case "reject":
    void Effect.runPromise(Effect.provide(asked, Live))
    break
  case "die":
    NodeRuntime.runMain(Effect.provide(Effect.orDie(used), Live))
    break
  case "main":
    NodeRuntime.runMain(Effect.provide(Effect.withSpan(asked, "ask"), Live))
    break
  case "print": {
    const print = Effect.gen(function*() {
      const pool = yield* PgPool.PgPool
      const error = yield* Effect.flip(used)
      console.log(error, pool, yield* pool.stats, yield* pool.health)
      console.error("%o %j", error, error)
      console.dir(yield* SqlClient.SqlClient, { depth: null, showHidden: true })
    })
    void Effect.runPromise(Effect.provide(print, Live))
    break
  }
  case "tell":
    throw new Error(`Cannot connect with ${password}`)
}
