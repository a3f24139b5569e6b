import { ConnectTimeout, PoolClosed } from "@cenote/core/PoolError"
import { PgConnectError, PgQueryError } from "@cenote/sql-adapter/PgConnector"
import { CommitUnknown, RolledBack, TransactionEnded } from "@cenote/sql-adapter/SqlTransaction"
import { SqlError } from "@effect/sql/SqlError"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { outcomeOf } from "./outcome.js"

const failure = (cause: unknown) => Exit.fail(new SqlError({ cause, message: "It failed" }))

const query = (reason: PgQueryError["reason"], sqlState?: string) =>
  failure(new PgQueryError({ reason, message: "It failed", sql: "COMMIT", sqlState }))

const interrupt = Exit.failCause(Cause.interrupt(FiberId.none))

describe("What a caller of chaos knows", () => {
  it("is that a call that succeeded has committed", () => {
    expect(outcomeOf(Exit.void, "Committing")).toEqual({ _tag: "Committed" })
  })

  it("is nothing where the commit's answer was lost", () => {
    const lost = new CommitUnknown({ message: "The connection was lost", cause: undefined })
    expect(outcomeOf(failure(lost), "Committing")).toMatchObject({ _tag: "Unknown", why: "CommitUnknown" })
  })

  it("is nothing where it was interrupted while committing, and only then", () => {
    expect(outcomeOf(interrupt, "Committing")).toMatchObject({ _tag: "Unknown" })
    expect(outcomeOf(interrupt, "Working")).toMatchObject({ _tag: "RolledBack" })
  })

  it("is that it was rolled back where it failed otherwise, in a way that is documented", () => {
    const address = { host: "127.0.0.1", port: 5432, database: "postgres", user: "teller" }
    const connect = new PgConnectError({ reason: "Refused", message: "Nobody listens", ...address })
    const timeout = new ConnectTimeout({ pool: "bank", after: 3_000 })
    for (
      const exit of [
        query("ConnectionLost"),
        query("Server", "57014"),
        query("Server", "40P01"),
        failure(connect),
        failure(timeout)
      ]
    ) {
      expect(outcomeOf(exit, "Committing")).toMatchObject({ _tag: "RolledBack" })
    }
  })

  it("is unexpected where nothing here can lead to it: a key that was there, a session of somebody else, a pool that is closed", () => {
    const others = [
      query("Server", "23505"),
      query("Server", "25P02"),
      query("Client"),
      failure(new TransactionEnded({ message: "It has ended", sql: "COMMIT" })),
      failure(new RolledBack({ message: "It was rolled back" })),
      failure(new PoolClosed({ pool: "bank" })),
      failure(new Error("What is this?"))
    ]
    for (const exit of others) expect(outcomeOf(exit, "Working")).toMatchObject({ _tag: "Unexpected" })
  })

  it("is unexpected where there was a defect, also beside an interruption", () => {
    expect(outcomeOf(Exit.die("a bug"), "Working")).toMatchObject({ _tag: "Unexpected" })
    const both = Cause.parallel(Cause.interrupt(FiberId.none), Cause.die("a bug"))
    expect(outcomeOf(Exit.failCause(both), "Working")).toMatchObject({ _tag: "Unexpected" })
  })
})
