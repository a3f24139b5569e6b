import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Compiler } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { TransactionOptions } from "../../SqlTransaction.js"

/** A statement on a connection. An interruption returns at once, and nothing else runs there before the statement has settled. */
export type Run<A, E, B = ReadonlyArray<any>> = (
  connection: A,
  sql: string,
  params: ReadonlyArray<unknown>
) => Effect.Effect<B, E>

/** What a client has to know of a kind of database: `A` is a connection, `E` why a statement failed. */
export interface Dialect<in out A, in out E> {
  readonly compiler: Compiler
  /**
   * The same connection for who has it for a time: once `isOver`, no statement of theirs reaches the server, also one that they had begun to
   * ask for. `finish` is not asked on it.
   */
  readonly within: (connection: A, isOver: () => boolean) => A
  /** Rows as objects; where there are several statements, the rows of each. */
  readonly rows: Run<A, E>
  /** The same, not prepared. */
  readonly unprepared: Run<A, E>
  /** Rows as arrays. */
  readonly values: Run<A, E>
  /** What the driver answered. */
  readonly raw: Run<A, E, unknown>
  /** Rows as objects, while they are consumed. */
  readonly stream: (connection: A, sql: string, params: ReadonlyArray<unknown>) => Stream.Stream<any, E>
  /** Begins a transaction. */
  readonly begin: (connection: A, options: TransactionOptions) => Effect.Effect<unknown, E>
  /**
   * Asks at once, when it is called, for the statement, which runs on when the effect, that waits for it, is interrupted. It
   * runs after all that was asked for before it. `RolledBack` where a COMMIT could only roll back.
   */
  readonly finish: (connection: A, sql: string) => Effect.Effect<"Done" | "RolledBack", E>
  /** Whether the connection died, so that it is not known what the server did. */
  readonly isLost: (error: E) => boolean
  /** Whether the transaction lost against another one, so that it may well succeed when it is run again. */
  readonly isConflict: (error: unknown) => boolean
}

/** Which pool a client takes a connection from. */
export interface Pools<in out A> {
  readonly forStatement: (sql: string) => ConnectionPool<A, unknown>
  readonly forTransaction: (options: TransactionOptions) => ConnectionPool<A, unknown>
  readonly forReservation: ConnectionPool<A, unknown>
  /** For rows that are read while they are consumed. */
  readonly forStream: (sql: string) => ConnectionPool<A, unknown>
}

/** One pool for all. */
export const onePool = <A, E>(pool: ConnectionPool<A, E>): Pools<A> => {
  const widened = pool as ConnectionPool<A, unknown>
  const same = () => widened
  return { forStatement: same, forTransaction: same, forReservation: widened, forStream: same }
}

/** The same pool, as somebody sees it who is to have a connection for himself. */
const exclusively = <A, E>(pool: ConnectionPool<A, E>): ConnectionPool<A, E> => {
  const exclusive = { exclusive: true }
  return Object.assign(Object.create(pool), {
    use: (f: (connection: A) => Effect.Effect<any, any, any>) => pool.use(f, exclusive),
    get: Effect.map(pool.lease(exclusive), ({ connection }) => connection)
  })
}

/** One pool whose connections are shared by the statements for which that `mayShare`. All else has one for itself. */
export const sharedPool = <A, E>(pool: ConnectionPool<A, E>, mayShare: (sql: string) => boolean): Pools<A> => {
  const shared = pool as ConnectionPool<A, unknown>
  const exclusive = exclusively(shared)
  return {
    forStatement: (sql) => mayShare(sql) ? shared : exclusive,
    forTransaction: () => exclusive,
    forReservation: exclusive,
    forStream: () => exclusive
  }
}
