import * as Effect from "effect/Effect"
import type { FieldPacket } from "mysql2"
import type { MysqlQueryOptions, MysqlResult } from "../../MysqlConnection.js"
import type { MysqlQueryError } from "../../MysqlError.js"
import { Job as BaseJob } from "../wire/job.js"
import type { Work as WireWork } from "../wire/work.js"
import type { DriverClient } from "./driver.js"
import { clientError } from "./failure.js"
import { encode } from "./parameters.js"

/** What the driver answers, and how many warnings the server has. */
export interface Answered {
  readonly rows: unknown
  readonly fields: unknown
  readonly warnings: number
}

/** What has its turn on the wire, and what is told to it. */
export interface Work extends WireWork<MysqlQueryError> {
  /** Whether its parameters are put into its text. */
  readonly isInterpolated: boolean
  start(client: DriverClient, answered: (error: unknown, rows?: unknown, fields?: unknown) => void): void
  succeed(answer: Answered): void
  /** A row came that takes so many bytes. */
  row?(bytes: number): void
  /** A row came that cannot be decoded. */
  spoil(error: unknown): void
}

/** What a statement has to be for mysql2. */
export const toDriver = (
  sql: string,
  params: ReadonlyArray<unknown> | undefined,
  options: MysqlQueryOptions | undefined
) => ({
  sql,
  rowsAsArray: options?.rowMode === "array",
  ...(params === undefined
    ? {}
    : { values: encode(params, options?.prepare === true ? "prepared" : "text") as Array<{}> })
})

export const undecodable = (sql: string, error: unknown): MysqlQueryError =>
  clientError(sql, `A value cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, error)

export class Job<A> extends BaseJob<A, MysqlQueryError> implements Work {
  readonly isInterpolated: boolean
  private spoiled: MysqlQueryError | undefined

  constructor(
    sql: string,
    whenLeft: "cancel" | "finish",
    private readonly pick: (answer: Answered) => A,
    private readonly params?: ReadonlyArray<unknown>,
    private readonly options?: MysqlQueryOptions
  ) {
    super(sql, whenLeft)
    this.isInterpolated = params !== undefined && params.length > 0 && options?.prepare !== true
  }

  succeed(answer: Answered): void {
    this.resolve(this.spoiled === undefined ? Effect.succeed(this.pick(answer)) : Effect.fail(this.spoiled))
  }

  spoil(error: unknown): void {
    this.spoiled ??= undecodable(this.sql, error)
  }

  start(client: DriverClient, answered: (error: unknown, rows?: unknown, fields?: unknown) => void): void {
    const query = toDriver(this.sql, this.params, this.options)
    if (this.options?.prepare === true) client.execute(query, answered)
    else client.query(query, answered)
  }
}

/** A round trip that changes nothing, and says in which state the session is. */
export class Ping<A> extends Job<A> {
  constructor(pick: () => A) {
    super("", "finish", pick)
  }

  override start(client: DriverClient, answered: (error: unknown) => void): void {
    client.ping(answered)
  }
}

/** What mysql2 makes of an OK packet. */
interface Header {
  readonly affectedRows: number
  readonly insertId: number | string
  readonly changedRows: number
  readonly warningStatus: number
}

const nothingChanged: Header = { affectedRows: 0, insertId: 0, changedRows: 0, warningStatus: 0 }

const isRows = (set: unknown): set is ReadonlyArray<any> => Array.isArray(set)

/** A procedure, or several statements: a list of result sets and OK packets, and a list of the fields of each. */
export const isSeveral = ({ fields, rows }: Answered): boolean =>
  isRows(rows) && isRows(fields) && (fields[0] === undefined || isRows(fields[0]))

/** mysql2 answers a procedure with a list of result sets, the last of which is an OK packet, and a list of their fields. */
export const toResult = (answer: Answered): MysqlResult<any> => {
  const { fields, rows, warnings } = answer
  if (!isRows(rows)) return { ...changes(rows as Header), rows: [], fields: [] }
  if (isRows(fields) && isSeveral(answer)) {
    const header = rows.find((set) => !isRows(set)) as Header | undefined
    const resultSets = rows.filter(isRows)
    return {
      ...changes(header ?? nothingChanged),
      rows: resultSets.at(-1) ?? [],
      fields: fields.filter(isRows).at(-1) as ReadonlyArray<FieldPacket> | undefined ?? [],
      resultSets
    }
  }
  return { ...changes(nothingChanged), rows, fields: fields as ReadonlyArray<FieldPacket>, warnings }
}

const changes = ({ affectedRows, changedRows, insertId, warningStatus }: Header) => ({
  affectedRows,
  changedRows,
  insertId,
  warnings: warningStatus
})
