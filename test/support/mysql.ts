/**
 * The MariaDB server that CENOTE_MYSQL_URL names, with a database and a user of each test file's own, which are gone when its
 * tests have ended. Nothing of the server's own settings is changed.
 */
import type { Vitest } from "@effect/vitest"
import { layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Connection } from "mysql2"
import mysql from "mysql2"
import type { OwnServer } from "./server.js"
import { describeUnless } from "./where.js"

/** The server cannot be reached, or a statement of an administrator failed. */
export class MysqlError extends Data.TaggedError("MysqlError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** A session, as the server's process list has it. */
export interface Process {
  readonly id: number
  readonly command: string
  readonly info: string | null
}

/** It is asked as an administrator. */
export interface Server
  extends Pick<OwnServer<MysqlError>, "database" | "host" | "password" | "port" | "query" | "url" | "user">
{
  /** The sessions of this file's user. */
  readonly processes: Effect.Effect<ReadonlyArray<Process>, MysqlError>
  /** Ends a session. */
  readonly kill: (threadId: number) => Effect.Effect<void, MysqlError>
}

export class Mysql extends Context.Tag("cenote/Mysql")<Mysql, Server>() {}

const address = process.env.CENOTE_MYSQL_URL ?? "mysql://root@127.0.0.1:3306/test"

const run = (connection: Connection, sql: string, params: ReadonlyArray<unknown> = []) =>
  Effect.async<ReadonlyArray<Record<string, any>>, MysqlError>((resume) => {
    connection.query(sql, [...params], (cause: Error | null, rows) =>
      resume(
        cause === null
          ? Effect.succeed(Array.isArray(rows) ? rows as Array<any> : [])
          : Effect.fail(new MysqlError({ message: `The administrator's "${sql}" failed: ${cause.message}`, cause }))
      ))
  })

const connect = Effect.async<Connection, MysqlError>((resume) => {
  const connection = mysql.createConnection({ uri: address, connectTimeout: 2_000 })
  connection.on("error", () => {})
  connection.connect((cause) => {
    if (cause === null || cause === undefined) return resume(Effect.succeed(connection))
    const { host, port } = new URL(address)
    resume(
      Effect.fail(new MysqlError({ message: `no MySQL server at ${host || `:${port}`}: ${cause.message}`, cause }))
    )
  })
})

const administrator = Effect.acquireRelease(connect, (connection) =>
  Effect.async<void>((resume) => {
    connection.end(() => resume(Effect.void))
  }))

/** A database and a user of this name. */
const make = (name: string): Effect.Effect<Server, MysqlError, Scope.Scope> =>
  Effect.gen(function*() {
    const admin = yield* administrator
    const query: Server["query"] = (sql, params) => run(admin, sql, params)
    const { hostname, port } = new URL(address)
    const host = hostname
    const database = `cenote_${name}_${process.pid}`
    const password = "hunter2"
    const account = `'${database}'@'%'`
    yield* Effect.acquireRelease(
      Effect.zipRight(query(`DROP DATABASE IF EXISTS ${database}`), query(`CREATE DATABASE ${database}`)),
      () => Effect.orDie(query(`DROP DATABASE ${database}`))
    )
    yield* Effect.acquireRelease(
      Effect.zipRight(
        query(`DROP USER IF EXISTS ${account}`),
        query(`CREATE USER ${account} IDENTIFIED BY '${password}'`)
      ),
      () => Effect.orDie(query(`DROP USER ${account}`))
    )
    yield* query(`GRANT ALL ON ${database}.* TO ${account}`)
    return {
      host,
      port: Number(port || 3306),
      database,
      user: database,
      password: Redacted.make(password),
      url: Redacted.make(`mysql://${database}:${password}@${host}:${port || 3306}/${database}`),
      query,
      processes: Effect.map(
        query("SELECT id AS id, command AS command, info AS info FROM information_schema.processlist WHERE user = ?", [
          database
        ]),
        (rows) => rows as unknown as ReadonlyArray<Process>
      ),
      // One that is gone already is no error.
      kill: (threadId) => Effect.ignore(query(`KILL ${threadId}`))
    }
  })

/** Why there is no server to test with. On CI there has to be one. */
const reason = process.env.CI
  ? undefined
  : await Effect.runPromise(
    Effect.scoped(administrator).pipe(Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message }))
  )

/** Tests with a server. Without one, they are skipped and say why; where CI is set, they fail. */
export const suite = (file: string, title: string, tests: (it: Vitest.MethodsNonLive<Mysql, true>) => void): void => {
  describeUnless(reason === undefined ? undefined : `there is ${reason}`, title, () => {
    layer(Layer.scoped(Mysql, make(file)), { excludeTestServices: true, timeout: 60_000 })(tests)
  })
}
