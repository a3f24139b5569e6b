import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import Cursor from "pg-cursor"
import type { PgStreamOptions } from "../../PgConnection.js"
import type { PgQueryError } from "../../PgError.js"
import type { Read as ReadOf } from "../wire/stream.js"
import { endOfRows, rowsOf } from "../wire/stream.js"
import type { DriverClient } from "./driver.js"
import { clientError } from "./failure.js"
import type { Work } from "./job.js"
import type { Wire } from "./wire.js"

type Read = ReadOf<PgQueryError>

/** As many as @effect/sql-pg asks for. */
const defaultChunkSize = 128

/**
 * A statement whose rows are read some at a time. It has the wire until its rows have ended, it failed, or nobody reads on.
 *
 * - `Waiting`: for its turn; somebody may wait for the first rows already.
 * - `Reading`: the server has it.
 * - `Ended`: all rows were read, or it failed: with what a reader gets from then on.
 */
type Life =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Reading"; readonly portal: Cursor; readonly failed: (error: unknown) => void }
  | { readonly _tag: "Ended"; readonly read: Read }

export class CursorJob implements Work {
  readonly whenLeft = "cancel"
  readonly isBounded = false
  /** The server answers with what is asked of its portal, and not with what is behind it. */
  readonly mayShare = false
  private readonly rows: number
  private life: Life = { _tag: "Waiting" }
  /** Whether the server may be busy with it: from its start until its rows have come, and again at each read. */
  private isAsked = true
  private reader: ((read: Read) => void) | undefined

  constructor(
    readonly sql: string,
    private readonly params: ReadonlyArray<unknown> | undefined,
    private readonly options: PgStreamOptions
  ) {
    this.rows = options.chunkSize ?? defaultChunkSize
  }

  get isAnswered(): boolean {
    return this.life._tag === "Ended"
  }

  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    const { rowMode, types } = this.options
    const cursor = new Cursor(this.sql, this.params as Array<unknown> | undefined, {
      ...(rowMode === "array" ? { rowMode } : {}),
      ...(types === undefined ? {} : { types })
    })
    const portal = client.query(cursor)
    this.life = { _tag: "Reading", portal, failed: (error) => answered(error, undefined) }
    if (this.reader !== undefined) this.fetch(portal)
  }

  /** The next rows. One reader at a time. */
  readonly read: Read = Effect.async((resume) => {
    const { life } = this
    if (life._tag === "Ended") return resume(life.read)
    this.reader = resume
    if (life._tag === "Reading") this.fetch(life.portal)
  })

  private fetch(portal: Cursor): void {
    this.isAsked = true
    portal.read(this.rows, (error: unknown, rows: ReadonlyArray<unknown>) => {
      const { life } = this
      this.isAsked = false
      if (life._tag !== "Reading") return
      if (error) return life.failed(error)
      // The server has ended the portal itself where it had no more rows to give.
      if (rows.length < this.rows) this.life = { _tag: "Ended", read: endOfRows }
      this.answer(rows.length === 0 ? endOfRows : Effect.succeed(Chunk.unsafeFromArray(rows)))
    })
  }

  private answer(read: Read): void {
    const { reader } = this
    this.reader = undefined
    reader?.(read)
  }

  succeed(): void {
    this.life = { _tag: "Ended", read: endOfRows }
    this.answer(endOfRows)
  }

  fail(error: PgQueryError): void {
    if (this.life._tag === "Ended") return
    const read = Effect.fail(Option.some(error))
    this.life = { _tag: "Ended", read }
    this.answer(read)
  }

  /** Nobody is to read on. The server may be busy with rows that nobody wants, and is to be told then. */
  leave(): "cancel" | "ends" {
    if (this.life._tag !== "Reading") return "ends"
    const { portal } = this.life
    this.fail(clientError(this.sql, "The connection was given back before the end of this stream"))
    portal.close(() => {})
    return this.isAsked ? "cancel" : "ends"
  }
}

export const cursorStream = <Row>(
  wire: Wire,
  sql: string,
  params: ReadonlyArray<unknown> | undefined,
  options: PgStreamOptions = {}
): Stream.Stream<Row, PgQueryError> =>
  rowsOf<Row, PgQueryError, CursorJob>(wire, () => new CursorJob(sql, params, options))
