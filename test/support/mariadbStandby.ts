/** A MariaDB server that follows another one, so that nothing is committed which it does not have (semi-synchronous replication). */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { Server } from "./mariadb.js"
import { MariadbError } from "./mariadb.js"

/** Seconds. */
const patience = 30

const statusOf = (server: Server, name: string) =>
  Effect.map(server.query("SHOW GLOBAL STATUS LIKE ?", [name]), ([row]) => row?.["Value"])

/** Waits until a standby has done all up to there. */
const reaches = (standby: Server, position: string) =>
  Effect.filterOrFail(
    standby.query("SELECT MASTER_GTID_WAIT(?, ?) AS done", [position, patience]),
    ([row]) => Number(row?.["done"]) === 0,
    () => new MariadbError({ message: `Not in ${patience} s: the standby has what was committed at ${position}` })
  )

const all = (server: Server, statements: ReadonlyArray<string>) =>
  Effect.forEach(statements, (sql) => server.query(sql), { discard: true })

/** `standby` has a copy of the files of `primary`, of some moment. It only reads from now on, as far as users are concerned. */
export const follow = (standby: Server, primary: Server): Effect.Effect<void, MariadbError> =>
  Effect.gen(function*() {
    yield* all(standby, [
      "SET GLOBAL read_only = ON",
      "SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos",
      "SET GLOBAL rpl_semi_sync_slave_enabled = ON"
    ])
    yield* standby.query(
      "CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USER = ?, MASTER_PASSWORD = ?, MASTER_USE_GTID = slave_pos",
      [primary.host, primary.port, primary.user, Redacted.value(primary.password)]
    )
    // Before the standby connects, as it asks for that then.
    yield* all(primary, [
      "SET GLOBAL rpl_semi_sync_master_timeout = 3600000",
      // Nobody sees what the standby does not have.
      "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC",
      "SET GLOBAL rpl_semi_sync_master_enabled = ON"
    ])
    yield* standby.query("START SLAVE")
    yield* Effect.all([
      statusOf(primary, "Rpl_semi_sync_master_clients"),
      statusOf(primary, "Rpl_semi_sync_master_status"),
      statusOf(standby, "Rpl_semi_sync_slave_status")
    ]).pipe(
      Effect.repeat({
        until: ([clients, master, slave]) => clients === "1" && master === "ON" && slave === "ON",
        schedule: Schedule.spaced("20 millis")
      }),
      Effect.timeoutFail({
        duration: patience * 1000,
        onTimeout: () => new MariadbError({ message: `Not in ${patience} s: the standby follows, and is waited for` })
      })
    )
    const [row] = yield* primary.query("SELECT @@gtid_binlog_pos AS position")
    yield* reaches(standby, row!["position"])
  })

/** Lets it write, when it has done all that it was told. Its primary must be gone. */
export const promote = (standby: Server): Effect.Effect<void, MariadbError> =>
  Effect.gen(function*() {
    yield* standby.query("STOP SLAVE IO_THREAD")
    const [row] = yield* standby.query("SHOW SLAVE STATUS")
    yield* reaches(standby, row!["Gtid_IO_Pos"])
    yield* all(standby, [
      "STOP SLAVE",
      "RESET SLAVE ALL",
      "SET GLOBAL rpl_semi_sync_slave_enabled = OFF",
      "SET GLOBAL read_only = OFF"
    ])
  })
