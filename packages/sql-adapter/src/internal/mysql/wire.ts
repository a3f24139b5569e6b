import * as net from "node:net"
import type { MysqlQueryError } from "../../MysqlError.js"
import type { Timer } from "../timer.js"
import { Wire as BaseWire } from "../wire/wire.js"
import type { Cancel, CancelOutcome } from "../wire/work.js"
import type { DriverClient } from "./driver.js"
import { isIdle, isServerError, makeClient, Status } from "./driver.js"
import { clientError, hungUp, isCritical, isFatal, lostError, rollsBack, serverError } from "./failure.js"
import type { Work } from "./job.js"
import { sendKill } from "./kill.js"
import type { Settings } from "./settings.js"

/**
 * Statements that, where they fail, leave a transaction open only if one was before. Others may begin one and then fail: a procedure
 * does.
 */
const beginsNothing = /^\s*(select|insert|update|delete|replace)\b/i

const interrupted = 1317

/** For how long the rows of a stream that nobody reads are left with the server, until its KILL is answered. */
const patience = 200

/** One mysql2 connection, and whose turn it is to use it. */
export class Wire extends BaseWire<Work, MysqlQueryError> {
  readonly client: DriverClient
  protected readonly socket = new net.Socket()
  /** What the server last said of the session. */
  private flags: number = Status.autocommit
  /** An error says nothing of the session, and may have changed it. */
  private isSure = true
  private warnings = 0
  /** Which server it is, where it can say so. */
  server: string | undefined
  /** Since a transaction began, a statement has failed in a way that may have ended it. */
  hasLost = false
  /** The transaction that `withTransaction` has begun. */
  transaction: "none" | "writing" | "reading" = "none"

  constructor(private readonly settings: Settings, after: Timer) {
    super(settings, after)
    this.client = makeClient(settings, this.socket, {
      status: (flags, warnings) => {
        if (!this.has(Status.inTransaction) && (flags & Status.inTransaction) !== 0) this.hasLost = false
        this.flags = flags
        this.warnings = warnings
        this.isSure = true
      },
      refused: (errno, sql) => {
        this.hasLost ||= this.has(Status.inTransaction) && rollsBack.has(errno)
        this.isSure &&= !this.mayEnd && errno !== interrupted && beginsNothing.test(sql ?? "")
      },
      row: (bytes) => {
        this.busyWith?.row?.(bytes)
        return !this.isSettling
      },
      undecodable: (error) => this.busyWith?.spoil(error),
      idle: () => this.ready(),
      failed: (error) => this.destroy(error)
    })
    // Before anything can happen: an `error` event that nobody listens for ends the process.
    this.client.on("error", (error) => this.destroy(error))
    this.client.on("end", () => this.destroy(hungUp()))
  }

  private has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  /** An error may end a transaction, or leave one that it began by itself. */
  private get mayEnd(): boolean {
    return this.has(Status.inTransaction) || !this.has(Status.autocommit)
  }

  /** Whether the session is in a transaction. */
  get transactionStatus(): "none" | "open" | "unknown" {
    if (!this.isSure) return "unknown"
    return this.has(Status.inTransaction) ? "open" : "none"
  }

  /** Whether the session's `sql_mode` takes backslashes for what they are. */
  get isBackslashLiteral(): boolean {
    return this.has(Status.noBackslashEscapes)
  }

  get isMariaDb(): boolean {
    return /mariadb/i.test(this.client._handshakePacket?.serverVersion ?? "")
  }

  protected get isIdle(): boolean {
    return isIdle(this.client)
  }

  connect(opened: () => void, failed: (reason: unknown) => void): void {
    const { keepAliveDelay, place, socketPath } = this.settings
    this.listen(failed)
    this.client.once("connect", () => {
      if (this.state !== "Connecting") return
      this.open()
      opened()
    })
    this.socket.setNoDelay(true)
    this.socket.setKeepAlive(true, keepAliveDelay)
    this.socket.connect(socketPath === undefined ? { host: place.host, port: place.port } : { path: socketPath })
  }

  protected give(job: Work): void {
    if (job.isInterpolated && this.isBackslashLiteral) throw new Error(unsafe)
    job.start(this.client, (error, rows, fields) => {
      if (error) this.failed(job, error)
      else job.succeed({ rows, fields, warnings: this.warnings })
    })
  }

  private failed(job: Work, error: unknown): void {
    if (isServerError(error) && error.fatal !== true) {
      const expectsWrites = this.transaction !== "reading" && !this.has(Status.inReadOnlyTransaction)
      const fatal = isFatal(error, { expectsWrites })
      job.fail(serverError(job.sql, error, fatal))
      if (fatal) this.destroy(error)
    } else if (error instanceof Error && "fatal" in error) {
      this.destroy(error)
      job.fail(lostError(job.sql, error))
    } else {
      this.refuse(job, error)
    }
  }

  protected drain(): void {
    this.client.ping(() => {})
  }

  protected sendCancel(done: (outcome: CancelOutcome) => void): Cancel {
    const readOn = () => {
      if (this.isSettling) this.client.resume()
    }
    const stopTimer = this.after(patience, readOn)
    return this.kill("QUERY", (outcome) => {
      stopTimer()
      readOn()
      done(outcome)
    })
  }

  protected sendKill(done: () => void): void {
    this.kill("CONNECTION", done)
  }

  private kill(what: "QUERY" | "CONNECTION", done: (outcome: CancelOutcome) => void): Cancel {
    const { place, socketPath } = this.settings
    const { remoteAddress = place.host, remotePort = place.port } = this.socket
    const { database: _, ...client } = this.settings.client
    return sendKill(
      {
        client,
        tls: this.settings.tls,
        threadId: this.client.threadId,
        server: this.server,
        address: socketPath === undefined ? { host: remoteAddress, port: remotePort } : { path: socketPath },
        what
      },
      this.settings.cancelTimeout,
      this.after,
      done
    )
  }

  protected sayGoodbye(): void {
    this.client.end(() => {})
  }

  protected hangUp(): void {
    // With TLS there are two, one in the other.
    this.client.stream.destroy()
    this.socket.destroy()
  }

  protected isCritical(reason: unknown): boolean {
    return isServerError(reason) && isCritical(reason)
  }

  protected lostError(sql: string, reason: unknown): MysqlQueryError {
    return lostError(sql, reason)
  }

  protected refusedError(sql: string, reason: unknown): MysqlQueryError {
    return reason instanceof Error ? clientError(sql, reason.message, reason) : clientError(sql, String(reason))
  }

  protected override giveUp(reason: unknown): void {
    this.abort(reason)
  }
}

const unsafe =
  "The session's sql_mode has NO_BACKSLASH_ESCAPES, under which parameters cannot be put into a text safely. Take it out of "
  + "sql_mode, or prepare the statement."
