/** A driver without a database: it does one thing after the other, each takes a millisecond, and it sees who does what in whose transaction. */
import { make as makeConnector } from "@cenote/core/Connector"
import * as Statement from "@effect/sql/Statement"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type { Dialect } from "../../../packages/sql-adapter/src/internal/client/dialect.js"
import { guarded } from "../../../packages/sql-adapter/src/internal/wire/guarded.js"

/** Statements are `who what`: "a insert 1". */
const whoOf = (sql: string): string => sql.split(" ")[0]!

class Failure extends Data.TaggedError("Failure")<{ readonly message: string }> {
  constructor(message: string) {
    super({ message })
  }
}

interface Job {
  readonly sql: string
  answer: ((answer: Effect.Effect<"Done", Failure>) => void) | undefined
  isLeft: boolean
}

type Transaction =
  | { readonly _tag: "None" }
  | {
    readonly _tag: "Open"
    owner: string | undefined
    done: Array<string>
    readonly marks: Array<readonly [string, number]>
  }

/** What all connections have done. */
export class Ledger {
  readonly problems: Array<string> = []
  /** In order of their COMMITs. */
  readonly committed: Array<ReadonlyArray<string>> = []
  /** What each COMMIT comes to. */
  commit: "Done" | "Failed" = "Done"
}

export class Connection {
  private readonly jobs: Array<Job> = []
  private isBusy = false
  private isClosed = false
  private transaction: Transaction = { _tag: "None" }

  constructor(private readonly ledger: Ledger, private readonly runtime: Runtime.Runtime<never>) {}

  submit(job: Job): void {
    if (this.isClosed) return job.answer?.(Effect.fail(new Failure("closed")))
    this.jobs.push(job)
    this.next()
  }

  /** Nobody waits for it: it is dropped, or stopped. */
  leave(job: Job): void {
    job.isLeft = true
    const place = this.jobs.indexOf(job)
    if (place >= 0) this.jobs.splice(place, 1)
  }

  private next(): void {
    if (this.isBusy) return
    const job = this.jobs.shift()
    if (job === undefined) return
    this.isBusy = true
    Runtime.runFork(this.runtime)(Effect.delay(
      Effect.sync(() => {
        this.isBusy = false
        const answer = job.isLeft ? Effect.fail(new Failure("stopped")) : this.perform(job.sql)
        job.answer?.(answer)
        this.next()
      }),
      1
    ))
  }

  private perform(sql: string): Effect.Effect<"Done", Failure> {
    const { ledger, transaction } = this
    const problem = (what: string) => void ledger.problems.push(`${sql}: ${what}`)
    const [verb, ...rest] = sql.split(" ")
    if (verb === "BEGIN") {
      if (transaction._tag === "Open") problem("in a transaction")
      this.transaction = { _tag: "Open", owner: undefined, done: [], marks: [] }
      return Effect.succeed("Done")
    }
    if (transaction._tag === "None") {
      if (sql !== "ROLLBACK") problem("outside of a transaction")
      return Effect.succeed("Done")
    }
    switch (verb) {
      case "COMMIT":
        if (ledger.commit === "Failed") return Effect.fail(new Failure("refused"))
        ledger.committed.push(transaction.done)
        this.transaction = { _tag: "None" }
        break
      case "SAVEPOINT":
        transaction.marks.push([rest[0]!, transaction.done.length])
        break
      case "RELEASE": {
        const at = transaction.marks.findIndex(([name]) => name === rest[1])
        if (at < 0) problem("there is no such savepoint")
        else transaction.marks.splice(at)
        break
      }
      case "ROLLBACK": {
        if (rest.length === 0) {
          this.transaction = { _tag: "None" }
          break
        }
        const at = transaction.marks.findIndex(([name]) => name === rest[2])
        if (at < 0) problem("there is no such savepoint")
        else transaction.done.splice(transaction.marks[at]![1])
        break
      }
      default: {
        const who = whoOf(sql)
        transaction.owner ??= who
        if (transaction.owner !== who) problem(`in the transaction of ${transaction.owner}`)
        transaction.done.push(sql)
      }
    }
    return Effect.succeed("Done")
  }

  get needsReset(): boolean {
    return this.isBusy || this.jobs.length > 0 || this.transaction._tag === "Open"
  }

  /** Ends what is under way, then the transaction. */
  readonly reset: Effect.Effect<unknown, Failure> = Effect.suspend(() => {
    for (const job of this.jobs.splice(0)) {
      // What ends a transaction runs on.
      if (/^(COMMIT|ROLLBACK|RELEASE|SAVEPOINT)/.test(job.sql)) this.jobs.push(job)
      else job.answer?.(Effect.fail(new Failure("given back")))
    }
    return this.finish("ROLLBACK")
  })

  /** Asked for at once, runs on. */
  finish(sql: string): Effect.Effect<"Done", Failure> {
    const job: Job = { sql, answer: undefined, isLeft: false }
    let answered: Effect.Effect<"Done", Failure> | undefined
    job.answer = (answer) => answered = answer
    this.submit(job)
    return Effect.async((resume) => {
      if (answered !== undefined) return resume(answered)
      job.answer = resume
    })
  }

  query(sql: string): Effect.Effect<"Done", Failure> {
    return Effect.uninterruptibleMask((restore) => {
      const job: Job = { sql, answer: undefined, isLeft: false }
      const answer = Effect.async<"Done", Failure>((resume) => {
        job.answer = resume
        this.submit(job)
      })
      return Effect.onInterrupt(restore(answer), () => Effect.sync(() => this.leave(job)))
    })
  }

  close(): void {
    this.isClosed = true
    for (const job of this.jobs.splice(0)) job.answer?.(Effect.fail(new Failure("closed")))
  }
}

export const connectorOf = (ledger: Ledger) =>
  makeConnector({
    open: Effect.acquireRelease(
      Effect.map(Effect.runtime<never>(), (runtime) => new Connection(ledger, runtime)),
      (connection) => Effect.sync(() => connection.close())
    ),
    needsReset: (connection: Connection) => connection.needsReset,
    reset: (connection: Connection) => connection.reset
  })

export const dialect: Dialect<Connection, Failure> = {
  compiler: Statement.makeCompilerSqlite(),
  within: (connection, isOver) =>
    guarded(connection, isOver, (job: Job) => job.answer?.(Effect.fail(new Failure("over")))),
  rows: (connection, sql) => Effect.as(connection.query(sql), []),
  unprepared: (connection, sql) => Effect.as(connection.query(sql), []),
  values: (connection, sql) => Effect.as(connection.query(sql), []),
  raw: (connection, sql) => connection.query(sql),
  stream: (connection, sql) => Stream.drain(Stream.fromEffect(connection.query(sql))),
  begin: (connection) => connection.query("BEGIN"),
  finish: (connection, sql) => connection.finish(sql),
  isLost: () => false,
  isConflict: () => false
}
