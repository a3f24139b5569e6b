import { ConnectTimeout, PoolClosed } from "@cenote/core/PoolError"
import { MysqlConnectError, MysqlQueryError } from "@cenote/sql-adapter/MysqlConnector"
import { PgConnectError, PgQueryError } from "@cenote/sql-adapter/PgConnector"
import { CommitFailed, Unavailable } from "@cenote/sql-adapter/RequestTransaction"
import { CommitUnknown, RolledBack, TransactionEnded } from "@cenote/sql-adapter/SqlTransaction"
import { SqlError } from "@effect/sql/SqlError"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as FiberId from "effect/FiberId"
import { outcomeOf } from "./outcome.js"

const sqlError = (cause: unknown) => new SqlError({ cause, message: "It failed" })

const failure = (cause: unknown) => Cause.fail(sqlError(cause))

const query = (reason: PgQueryError["reason"], sqlState?: string) =>
  failure(new PgQueryError({ reason, message: "It failed", sql: "COMMIT", sqlState }))

const ofMariadb = (reason: MysqlQueryError["reason"], errno?: number) =>
  failure(new MysqlQueryError({ reason, message: "It failed", sql: "COMMIT", errno }))

const commitFailed = (reason: CommitFailed["reason"], cause?: unknown) =>
  Cause.fail(Object.assign(new CommitFailed({ reason }), { cause }))

const unavailable = (reason: Unavailable["reason"]) => Cause.fail(new Unavailable({ reason, retryAfter: 1 }))

describe("What a caller of chaos knows", () => {
  it("is nothing where the commit's answer was lost", () => {
    const lost = new CommitUnknown({ message: "The connection was lost", cause: undefined })
    expect(outcomeOf(failure(lost))).toMatchObject({ _tag: "Unknown", why: "CommitUnknown" })
    expect(outcomeOf(commitFailed("Unknown", lost))).toMatchObject({ _tag: "Unknown" })
  })

  it("is that it was rolled back where it failed otherwise, in a way that is documented", () => {
    const address = { host: "127.0.0.1", port: 5432, database: "postgres", user: "teller" }
    const connect = new PgConnectError({ reason: "Refused", message: "Nobody listens", ...address })
    const timeout = new ConnectTimeout({ pool: "bank", after: 3_000 })
    const refused = new PgQueryError({ reason: "Server", message: "No", sql: "COMMIT", sqlState: "53100" })
    for (
      const cause of [
        query("ConnectionLost"),
        query("Server", "57014"),
        query("Server", "40P01"),
        failure(connect),
        failure(timeout),
        unavailable("Busy"),
        unavailable("Down"),
        commitFailed("Conflict"),
        commitFailed("Refused", sqlError(refused))
      ]
    ) {
      expect(outcomeOf(cause)).toMatchObject({ _tag: "RolledBack" })
    }
  })

  it("is that it was rolled back where MariaDB was in trouble", () => {
    const address = { host: "127.0.0.1", port: 3306, database: "bank", user: "teller" }
    const connect = new MysqlConnectError({ reason: "TooManyConnections", message: "No place", ...address })
    for (
      const cause of [
        ofMariadb("ConnectionLost"),
        ofMariadb("ConnectionLost", 1290),
        ofMariadb("Server", 1205),
        ofMariadb("Server", 1213),
        ofMariadb("Server", 1969),
        failure(connect)
      ]
    ) {
      expect(outcomeOf(cause)).toMatchObject({ _tag: "RolledBack" })
    }
  })

  it("is unexpected where nothing here can lead to it: a key that was there, a session of somebody else, a pool that is closed", () => {
    const others = [
      query("Server", "23505"),
      query("Server", "25P02"),
      query("Client"),
      ofMariadb("Server", 1062),
      ofMariadb("Server", 1146),
      ofMariadb("Server", 1290),
      ofMariadb("Server", 1317),
      ofMariadb("Server"),
      ofMariadb("RolledBack"),
      ofMariadb("Client", 1205),
      failure(new TransactionEnded({ message: "It has ended", sql: "COMMIT" })),
      failure(new RolledBack({ message: "It was rolled back" })),
      failure(new PoolClosed({ pool: "bank" })),
      failure(new Error("What is this?")),
      commitFailed("RolledBack"),
      commitFailed("Refused"),
      unavailable("Closed"),
      Cause.fail("What is this?")
    ]
    for (const cause of others) expect(outcomeOf(cause)).toMatchObject({ _tag: "Unexpected" })
  })

  it("is unexpected where there was a defect or an interruption that its caller has not asked for, also beside a failure", () => {
    const failed = query("ConnectionLost")
    for (const other of [Cause.die("a bug"), Cause.interrupt(FiberId.none)]) {
      for (const cause of [other, Cause.parallel(failed, other)]) {
        expect(outcomeOf(cause)).toMatchObject({ _tag: "Unexpected" })
      }
    }
  })
})
