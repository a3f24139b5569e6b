/** Chaos of MariaDB. */
import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import mysql from "mysql2/promise"
import * as Mariadb from "../../support/mariadb.js"
import * as Standby from "../../support/mariadbStandby.js"
import { stranger, teller } from "../bank.js"
import { limits } from "../limits.js"
import * as Client from "./client.js"
import type { Database, Server } from "./database.js"
import { noFront } from "./database.js"

const options = {
  maxConnections: limits.maxConnections,
  settings: {
    idle_transaction_timeout: String(limits.idleInTransaction / 1000),
    // What a standby reads, for as long as it may take to make one.
    log_bin: "log",
    log_slave_updates: "ON",
    max_binlog_size: "16M",
    binlog_expire_logs_seconds: "120"
  }
}

const ofServer = (server: Mariadb.Server): Server => ({
  ...server,
  standby: Mariadb.make({ ...options, copyOf: server }).pipe(
    Effect.tap((standby) => Standby.follow(standby, server)),
    Effect.map(ofServer)
  ),
  promote: Standby.promote(server)
})

const ids = (rows: ReadonlyArray<Record<string, any>>): ReadonlyArray<number> => rows.map(({ id }) => Number(id))

export const mariadb: Database = {
  name: "mariadb",
  make: () => Effect.map(Mariadb.make(options), ofServer),
  front: () => Effect.succeed(noFront),
  createRole: (server, role) =>
    Effect.asVoid(server.query(`create user ${role}@'%' identified via mysql_native_password using 'invalid'`)),
  setPassword: (server, role, password) =>
    Effect.asVoid(server.query("alter user ?@'%' identified by ?", [role, Redacted.value(password)])),
  client: (address, password) =>
    Client.build(MysqlPool.layer(Client.options(address, Mariadb.database, password)), MysqlPool.MysqlPool),
  sessions: (server) =>
    Effect.map(
      server.query("select id as id from information_schema.processlist where user = ? order by id", [teller]),
      ids
    ),
  // A statement that runs, or a transaction that has read or written.
  busy: (server) =>
    Effect.map(
      server.query(
        "select id as id from information_schema.processlist where user = ? and (command <> 'Sleep' or id in (select trx_mysql_thread_id from information_schema.innodb_trx))",
        [teller]
      ),
      ids
    ),
  // 1094: there is no such session.
  terminate: (server, sessions) =>
    Effect.asVoid(server.query(
      `begin not atomic declare continue handler for 1094 begin end; ${
        sessions.map((id) => `kill connection ${id};`).join(" ")
      } end`
    )),
  occupy: ({ host, port }, password) =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.tryPromise(async () => {
        const connection = await mysql.createConnection({
          host,
          port,
          user: stranger,
          password: Redacted.value(password)
        })
        connection.on("error", () => {})
        return connection
      }),
      (connection) => Effect.sync(() => connection.destroy())
    ))
}
