import { asError } from "../wire/network.js"
import { isSqliteFailure } from "./driver.js"
import type { NativeDatabase, NativeStatement } from "./driver.js"
import type { Statement, Text } from "./text.js"
import { describe } from "./text.js"

/**
 * How a statement is run.
 *
 * - `whole`: SQLite has found all rows when it gives the first one. A query is put into a MATERIALIZED table expression, so that all
 *   of its work is done in the first step, off the event loop, where it can be interrupted.
 * - `stepped`: as it is.
 */
export type Way = "whole" | "stepped"

export interface Prepared {
  readonly native: NativeStatement
  readonly isReader: boolean
  readonly isMaterialized: boolean
  readonly statement: Statement
  /** Whether it gives rows as arrays. */
  isRaw: boolean
}

/** About 11 KB each. */
const most = 500

const materialized = ({ sql }: Statement): string =>
  `WITH "the whole answer" AS MATERIALIZED (\n${sql}\n) SELECT * FROM "the whole answer"`

/** What a connection has changed so far. */
export interface Counts {
  /** By its last statement that could. */
  readonly changes: number
  readonly totalChanges: number
  readonly lastInsertRowid: bigint
}

/** What a connection has prepared. It gives nothing up by itself: see `collect`. */
export class Statements {
  private readonly texts = new Map<string, Text>()
  private readonly prepared: Readonly<Record<Way, Map<string, Prepared>>> = { whole: new Map(), stepped: new Map() }

  private counter: NativeStatement | undefined

  constructor(private readonly database: NativeDatabase) {}

  get isFull(): boolean {
    return this.prepared.whole.size + this.prepared.stepped.size >= most
  }

  text(sql: string): Text {
    let text = this.texts.get(sql)
    if (text === undefined) {
      text = describe(sql)
      if (this.texts.size >= most) this.texts.clear()
      this.texts.set(sql, text)
    }
    return text
  }

  known(statement: Statement, way: Way): Prepared | undefined {
    return this.prepared[statement.isQuery ? way : "stepped"].get(statement.sql)
  }

  /** Not while anything runs on the connection. */
  async prepare(statement: Statement, way: Way): Promise<Prepared> {
    const isMaterialized = statement.isQuery && way === "whole"
    const native = await (isMaterialized ? this.wholly(statement) : this.database.prepare(statement.sql))
    const prepared: Prepared = {
      native,
      isReader: native.reader,
      isMaterialized,
      statement,
      isRaw: false
    }
    this.prepared[isMaterialized ? "whole" : "stepped"].set(statement.sql, prepared)
    return prepared
  }

  /** Where SQLite refuses it, its error is about a text that nobody wrote: that of the statement itself counts. */
  private async wholly(statement: Statement): Promise<NativeStatement> {
    try {
      return await this.database.prepare(materialized(statement))
    } catch (error) {
      if (!isSqliteFailure(error) || error.code !== "SQLITE_ERROR") throw asError(error)
      return await this.database.prepare(statement.sql)
    }
  }

  /** Not while anything runs on the connection. */
  async count(): Promise<Counts> {
    if (this.counter === undefined) {
      this.counter = await this.database.prepare("SELECT changes(), total_changes(), last_insert_rowid()")
      this.counter.raw(true)
    }
    const [changes, totalChanges, lastInsertRowid] = this.counter.get() as [bigint, bigint, bigint]
    return { changes: Number(changes), totalChanges: Number(totalChanges), lastInsertRowid }
  }

  clear(): void {
    this.counter = undefined
    this.texts.clear()
    this.prepared.whole.clear()
    this.prepared.stepped.clear()
  }
}
