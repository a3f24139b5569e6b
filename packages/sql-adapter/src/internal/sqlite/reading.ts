import type { NativeDatabase, NativeRows } from "./driver.js"
import { end, take } from "./driver.js"
import type { Prepared } from "./statements.js"
import type { Shape } from "./values.js"
import { decode, mergeNames } from "./values.js"

/** A statement that has taken its first step, and the rows that it has left. */
export class Reading {
  /** Until it has no more rows, or has failed: another step would run the statement again. */
  private rows: NativeRows | undefined
  private ahead: ReadonlyArray<object> | undefined

  /** Takes the first rows, at most `size`. Throws what the first step has failed with. */
  constructor(
    private readonly database: NativeDatabase,
    private readonly prepared: Prepared,
    private readonly shape: Shape,
    rows: NativeRows,
    size: number
  ) {
    this.ahead = this.take(rows, size)
  }

  /** SQLite has ended the statement. */
  get isComplete(): boolean {
    return this.rows === undefined
  }

  /** There are no more rows. */
  get isEnded(): boolean {
    return this.rows === undefined && this.ahead === undefined
  }

  /** The next rows, at most `size`, except that those come first which were taken already. */
  next(size: number): ReadonlyArray<object> {
    const { ahead, rows } = this
    if (ahead !== undefined) {
      this.ahead = undefined
      return ahead
    }
    return rows === undefined ? [] : this.take(rows, size)
  }

  private take(rows: NativeRows, size: number): ReadonlyArray<object> {
    this.rows = undefined
    const taken = take(rows, size)
    if (taken.length === size) this.rows = rows
    decode(taken, this.shape)
    if (this.prepared.isMaterialized && this.shape.rowMode === "object") mergeNames(taken)
    return taken
  }

  /** Ends the statement where it has rows left. */
  close(): void {
    this.ahead = undefined
    if (this.rows === undefined) return
    this.rows = undefined
    const { isChange, isExplained } = this.prepared.statement
    end(this.database, this.prepared.native, isChange || isExplained ? "untouched" : "interrupted")
  }
}
