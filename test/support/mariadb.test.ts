import { expect, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import mysql from "mysql2/promise"
import { existsSync } from "node:fs"
import type { Server } from "./mariadb.js"
import * as Mariadb from "./mariadb.js"
import * as Standby from "./mariadbStandby.js"
import { describeUnless } from "./where.js"

class Own extends Context.Tag("test/Mariadb")<Own, Server>() {}

/** A session of somebody else, until the Scope closes. */
const session = ({ database, host, password, port, user }: Server) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const connection = await mysql.createConnection({
        host,
        port,
        database,
        user,
        password: Redacted.value(password)
      })
      connection.on("error", () => {})
      return connection
    }),
    (connection) => Effect.sync(() => connection.destroy())
  )

const values = (server: Server) =>
  Effect.map(server.query("SELECT value FROM kept ORDER BY value"), (rows) => rows.map(({ value }) => value))

const suite = () => {
  layer(Layer.scoped(Own, Mariadb.make({ maxConnections: 10 })), { excludeTestServices: true, timeout: 60_000 })(
    (it) => {
      it.scoped("has what was committed after it was killed, restarted, and stopped and started", () =>
        Effect.gen(function*() {
          const server = yield* Own
          yield* server.query("CREATE TABLE kept (value INT PRIMARY KEY)")
          for (
            const [value, again] of [
              [1, Effect.zipRight(server.kill, server.start)],
              [2, server.restart],
              [3, Effect.zipRight(server.stop, server.start)]
            ] as const
          ) {
            const other = yield* session(server)
            yield* Effect.promise(() => other.beginTransaction())
            yield* Effect.promise(() => other.query("INSERT INTO kept VALUES (100)"))
            yield* server.query("INSERT INTO kept VALUES (?)", [value])
            yield* again
          }
          expect(yield* values(server)).toEqual([1, 2, 3])
        }))

      it.scoped("answers nothing while it is frozen, and goes on when it is thawed", () =>
        Effect.gen(function*() {
          const server = yield* Own
          const other = yield* session(server)
          yield* server.freeze
          const answer = yield* Effect.fork(Effect.promise(() => other.query("SELECT 1 AS one")))
          yield* Effect.sleep("300 millis")
          expect(yield* Fiber.poll(answer)).toMatchObject({ _tag: "None" })
          yield* server.thaw
          expect((yield* Fiber.join(answer))[0]).toEqual([{ one: 1 }])
        }))

      it.scoped("ends one session and no other, and lets an administrator in where it has no place", () =>
        Effect.gen(function*() {
          const server = yield* Own
          yield* server.query("CREATE USER somebody@'%' IDENTIFIED BY 'secret'")
          const somebody = { ...server, database: "", user: "somebody", password: Redacted.make("secret") }
          const all = yield* Effect.replicateEffect(session(somebody), 10)
          expect(yield* Effect.exit(Effect.scoped(session(somebody)))).toMatchObject({ _tag: "Failure" })
          yield* server.terminate(all[0]!.threadId!)
          expect(yield* Effect.exit(Effect.promise(() => all[0]!.query("SELECT 1")))).toMatchObject({ _tag: "Failure" })
          expect((yield* Effect.promise(() => all[1]!.query("SELECT 1 AS one")))[0]).toEqual([{ one: 1 }])
        }))
    }
  )

  it.scopedLive(
    "has a standby, which only reads, and has all that was committed when it is promoted",
    () =>
      Effect.gen(function*() {
        const options = { settings: { log_bin: "log", log_slave_updates: "ON" } }
        const primary = yield* Mariadb.make(options)
        yield* primary.query("CREATE TABLE kept (value INT PRIMARY KEY)")
        yield* primary.query("INSERT INTO kept VALUES (1)")
        const standby = yield* Mariadb.make({ ...options, copyOf: primary })
        yield* Standby.follow(standby, primary)
        yield* primary.query("INSERT INTO kept VALUES (2)")
        yield* primary.query("CREATE USER somebody@'%' IDENTIFIED BY 'secret'")
        yield* primary.query("GRANT ALL ON kept TO somebody")
        yield* primary.query("INSERT INTO kept VALUES (3)")
        yield* primary.kill
        const somebody = yield* session({ ...standby, user: "somebody", password: Redacted.make("secret") })
        const write = Effect.tryPromise(() => somebody.query("INSERT INTO kept VALUES (4)"))
        expect(yield* Effect.flip(write)).toMatchObject({ error: { errno: 1290 } })
        yield* Standby.promote(standby)
        yield* write
        expect(yield* values(standby)).toEqual([1, 2, 3, 4])
      }),
    60_000
  )

  it.live("leaves neither a server nor files", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(Mariadb.make(), scope)
      const [row] = yield* server.query("SELECT @@datadir AS folder")
      expect(existsSync(row!.folder)).toBe(true)
      yield* Scope.close(scope, Exit.void)
      expect(existsSync(row!.folder)).toBe(false)
      expect(yield* Effect.flip(server.query("SELECT 1"))).toMatchObject({
        message: expect.stringContaining("ECONNREFUSED")
      })
    }))
}

describeUnless(Mariadb.missing, "A MariaDB server of one's own", suite)
