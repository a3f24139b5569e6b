import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { MysqlQueryOptions } from "../../MysqlConnection.js"
import type { MysqlQueryError } from "../../MysqlError.js"
import type { Read } from "../wire/stream.js"
import { endOfRows, rowsOf } from "../wire/stream.js"
import type { DriverClient } from "./driver.js"
import { clientError } from "./failure.js"
import type { Work } from "./job.js"
import { toDriver, undecodable } from "./job.js"
import type { Wire } from "./wire.js"

/** What is read ahead of the reader, at most: then the socket is not read any more. */
const enough = { rows: 512, bytes: 256 * 1024 }

/**
 * A statement whose rows are handed on while they come. It has the wire until its answer is complete.
 *
 * Rows that nobody has read yet are in `rows`; with enough of them the driver is paused until they are read. `ending` is what a reader
 * gets after them.
 */
export class RowsJob implements Work {
  readonly whenLeft = "cancel"
  readonly isBounded = false
  readonly isInterpolated: boolean
  isAnswered = false
  private client: DriverClient | undefined
  private rows: Array<unknown> = []
  private bytes = 0
  private ending: Read<MysqlQueryError> | undefined
  private reader: ((read: Read<MysqlQueryError>) => void) | undefined

  constructor(
    private readonly wire: Wire,
    readonly sql: string,
    private readonly params: ReadonlyArray<unknown> | undefined,
    private readonly options: MysqlQueryOptions
  ) {
    this.isInterpolated = params !== undefined && params.length > 0 && options.prepare !== true
  }

  start(client: DriverClient, answered: (error: unknown) => void): void {
    const query = toDriver(this.sql, this.params, this.options)
    this.client = client
    const command = this.options.prepare === true ? client.execute(query) : client.query(query)
    // An OK packet, too, is a result: one without the number of a result set.
    command.on("result", (row: unknown, resultSet?: number) => {
      if (resultSet !== undefined && row !== undefined) this.take(client, row)
    })
    let failure: unknown
    command.on("error", (error: unknown) => {
      failure = error
    })
    command.on("end", () => answered(failure))
  }

  row(bytes: number): void {
    this.bytes += bytes
  }

  /** The rows that came in one go are handed on in one go. */
  private take(client: DriverClient, row: unknown): void {
    if (this.ending !== undefined) return
    this.rows.push(row)
    if (this.rows.length >= enough.rows || this.bytes >= enough.bytes) client.pause()
    if (this.rows.length === 1 && this.reader !== undefined) process.nextTick(() => this.answer())
  }

  /** The next rows. One reader at a time. */
  readonly read: Read<MysqlQueryError> = Effect.async((resume) => {
    if (this.rows.length > 0 || this.ending !== undefined) return resume(this.next())
    const stopTimer = this.wire.watch()
    this.reader = (read) => {
      stopTimer()
      resume(read)
    }
    return Effect.sync(() => {
      stopTimer()
      this.reader = undefined
    })
  })

  private answer(): void {
    const { reader } = this
    if (reader === undefined || (this.rows.length === 0 && this.ending === undefined)) return
    this.reader = undefined
    reader(this.next())
  }

  private next(): Read<MysqlQueryError> {
    const { rows } = this
    if (rows.length === 0) return this.ending ?? endOfRows
    this.rows = []
    this.bytes = 0
    if (!this.isAnswered) this.client?.resume()
    return Effect.succeed(Chunk.unsafeFromArray(rows))
  }

  private endWith(read: Read<MysqlQueryError>): void {
    this.ending ??= read
    this.answer()
  }

  succeed(): void {
    this.isAnswered = true
    this.endWith(endOfRows)
  }

  fail(error: MysqlQueryError): void {
    this.isAnswered = true
    this.endWith(Effect.fail(Option.some(error)))
  }

  spoil(error: unknown): void {
    this.endWith(Effect.fail(Option.some(undecodable(this.sql, error))))
  }

  /** The wire reads on, when the server knows that it is to stop: read at once, the rows leave no time to tell it. */
  leave(): "cancel" {
    this.rows = []
    this.endWith(
      Effect.fail(Option.some(clientError(this.sql, "The connection was given back before the end of this stream")))
    )
    this.client?.pause()
    return "cancel"
  }
}

export const rowsStream = <Row>(
  wire: Wire,
  sql: string,
  params: ReadonlyArray<unknown> | undefined,
  options: MysqlQueryOptions = {}
): Stream.Stream<Row, MysqlQueryError> =>
  rowsOf<Row, MysqlQueryError, RowsJob>(wire, () => new RowsJob(wire, sql, params, options))
