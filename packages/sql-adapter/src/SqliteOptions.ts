/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"

/**
 * Which database to open, and how.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqliteConnectorConfig {
  /**
   * The path of the database. It is created where there is none, unless `readOnly`; its folder is not. `":memory:"` is an empty
   * database of each connection's own: in a pool it makes sense with `maxSize: 1` only.
   */
  readonly filename: string
  /** Opens it for reading only, so that SQLite refuses every write. The file must exist. Default: false. */
  readonly readOnly?: boolean | undefined
  /**
   * How a commit is made safe. `"wal"` lets readers and one writer work at the same time; the file stays in this mode, whoever
   * opens it, and must be on a local disk. In the others a writer waits for readers, and they for it. `"memory"` and `"off"` can
   * lose the database in a crash. Not for `readOnly`. Default: `"wal"`, and nothing for `":memory:"`.
   */
  readonly journalMode?: "wal" | "delete" | "truncate" | "persist" | "memory" | "off" | undefined
  /**
   * When SQLite waits for the disk. With `"normal"` under WAL a power failure can undo the last commits, and never corrupts the
   * database; a crash of the program undoes nothing. `"full"` waits at each commit. Default: `"normal"` under WAL, else `"full"`.
   */
  readonly synchronous?: "off" | "normal" | "full" | "extra" | undefined
  /** Enforces foreign keys, which SQLite itself does only where it is asked to. Default: true. */
  readonly foreignKeys?: boolean | undefined
  /**
   * How long to wait for a lock that another connection or process has. 0 waits for none. The connector asks again and again by
   * itself, so that a wait can be interrupted and holds up no other connection: leave `PRAGMA busy_timeout` alone. Too short,
   * and writers fail that only had to wait; too long, and callers do. Default: 5 seconds.
   */
  readonly busyTimeout?: Duration.DurationInput | undefined
  /**
   * Interrupts statements that take longer, the wait for a lock included; a stream only until its first rows, COMMIT and ROLLBACK
   * never. Too short, and slow ones never succeed. Default: none.
   */
  readonly statementTimeout?: Duration.DurationInput | undefined
  /** Encrypts the file, with AES-256 in CBC mode. Every connection to it needs the same key. Default: not encrypted. */
  readonly encryptionKey?: Redacted.Redacted | undefined
  /** Statements that each new connection runs once, in this order, such as PRAGMAs. One fails, and so does the opening. */
  readonly setup?: ReadonlyArray<string> | undefined
  /**
   * Gives every integer as a bigint. Without it integers are numbers, and only those that a number cannot hold, beyond 2^53, are
   * bigints. Default: false.
   */
  readonly safeIntegers?: boolean | undefined
}
