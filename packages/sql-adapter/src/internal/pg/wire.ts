import type * as net from "node:net"
import pg from "pg"
import type { PgQueryError } from "../../PgError.js"
import type { Timer } from "../timer.js"
import { Wire as BaseWire } from "../wire/wire.js"
import type { Cancel, CancelOutcome } from "../wire/work.js"
import { sendCancel } from "./cancel.js"
import type { DriverClient, ReadyForQuery } from "./driver.js"
import { guard, isServerError } from "./driver.js"
import { clientError, isCritical, isFatal, lostError, serverError } from "./failure.js"
import type { Work } from "./job.js"
import { Outbox } from "./outbox.js"
import type { Settings } from "./settings.js"

/** What PostgreSQL tells at the start of a session, from version 14 on. */
const readOnlySettings = new Set(["in_hot_standby", "default_transaction_read_only"])

/** One pg client, and whose turn it is to use it. */
export class Wire extends BaseWire<Work, PgQueryError> {
  readonly client: DriverClient
  protected readonly socket: net.Socket
  private isReplica = false
  /** What the last ReadyForQuery said: "I"dle, in a "T"ransaction, or in one with an "E"rror. */
  transactionStatus = "I"
  /** The transaction that `withTransaction` has begun. */
  transaction: "none" | "writing" | "reading" = "none"
  /** Why nobody new is to have it, though the session goes on for those who are on it. */
  private condemned: unknown = undefined
  private readonly outbox: Outbox

  constructor(private readonly settings: Settings, after: Timer) {
    super(settings, after)
    this.client = new pg.Client(settings.client) as unknown as DriverClient
    this.socket = this.client.connection.stream
    guard(this.client.connection)
    this.outbox = new Outbox(this.client.connection)
    // Before anything can happen: an `error` event that nobody listens for ends the process.
    this.client.on("error", (error) => this.lose(error))
    this.client.on("end", () => this.lose(new Error("The server closed the connection")))
  }

  protected get isIdle(): boolean {
    return this.client.readyForQuery === true
  }

  connect(opened: () => void, failed: (reason: unknown) => void): void {
    this.listen(failed)
    try {
      this.client.connect((error: unknown) => {
        if (error) return this.lose(error)
        if (this.state !== "Connecting") return
        this.open()
        opened()
      })
    } catch (error) {
      return this.lose(error)
    }
    // After pg's own listener, which answers the job first and may have begun a query of the raw client.
    const { connection } = this.client
    connection.on("readyForQuery", ({ status }: ReadyForQuery) => {
      this.transactionStatus = status
      if (this.isIdle) this.atRest()
      else if (this.settings.pipeline) this.passed()
    })
    connection.on("parameterStatus", ({ parameterName, parameterValue }) => {
      if (this.state === "Connecting" && readOnlySettings.has(parameterName)) {
        this.isReplica ||= parameterValue === "on"
      }
    })
  }

  protected override sharesDriver(job: Work): boolean {
    return this.settings.pipeline && job.mayShare
  }

  get isCondemned(): boolean {
    return this.condemned !== undefined
  }

  /** Everything is answered. What the raw client is given from now on is asked one after the other. */
  private atRest(): void {
    this.client.pipeline = false
    this.ready()
    if (this.condemned !== undefined && this.isSettled) this.lose(this.condemned)
  }

  protected give(job: Work, isShared: boolean): void {
    this.client.pipeline = isShared
    if (isShared) this.outbox.gather()
    job.start(this.client, (error, result) => {
      if (error) this.failed(job, error, isShared)
      else job.succeed(result)
    })
  }

  private failed(job: Work, error: unknown, isShared: boolean): void {
    if (!isServerError(error)) return this.refuse(job, error)
    const fatal = isFatal(error, { expectsWrites: !this.isReplica && this.transaction !== "reading" })
    job.fail(serverError(job.sql, error, fatal))
    if (!fatal) return
    // The others that share it are answered, where the server goes on.
    if (isShared && error.severity === "ERROR") this.condemned ??= error
    else this.lose(error)
  }

  protected drain(): void {
    this.client.query("", () => {})
  }

  protected sendCancel(done: (outcome: CancelOutcome) => void): Cancel {
    const { client, socket } = this
    const { host, port } = this.settings.place
    return sendCancel(
      {
        processId: client.processID ?? 0,
        secretKey: client.secretKey ?? 0,
        address: socket.remoteAddress ?? host,
        port: socket.remotePort ?? port,
        host,
        ssl: client.ssl,
        sslNegotiation: client.sslNegotiation ?? "postgres"
      },
      this.settings.cancelTimeout,
      this.after,
      done
    )
  }

  protected sendKill(done: () => void): void {
    this.sendCancel(done)
  }

  protected sayGoodbye(): void {
    this.client.end(() => {})
  }

  protected hangUp(): void {
    // With TLS there are two, one in the other.
    this.client.connection.stream.destroy()
    this.socket.destroy()
  }

  protected isCritical(reason: unknown): boolean {
    return isServerError(reason) && isCritical(reason)
  }

  protected lostError(sql: string, reason: unknown, mayHaveRun: boolean): PgQueryError {
    return lostError(sql, reason, mayHaveRun)
  }

  protected refusedError(sql: string, reason: unknown): PgQueryError {
    return typeof reason === "string" ? clientError(sql, reason) : clientError(sql, String(reason), reason)
  }
}
