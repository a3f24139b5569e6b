import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TransactionOptions } from "../../SqlTransaction.js"
import { Commented } from "./comments.js"
import type { Dialect, Pools } from "./dialect.js"
import { heldIn } from "./Handle.js"
import { lease } from "./lease.js"
import type { Transactional } from "./models.js"
import { Pooled } from "./Pooled.js"
import { constructorOf, Runner } from "./statement.js"
import type { Transactions } from "./transaction.js"
import { bind, Internals, withTransaction } from "./transaction.js"
import type { TransformRows } from "./transform.js"
import type { TurnsOf } from "./Turns.js"

/** What all SQL clients here are. */
export interface Client extends SqlClient.SqlClient, Transactional {}

export interface Parts<A extends object, E> {
  readonly dialect: Dialect<A, E>
  /** Their connections were opened by `turns.opened`. */
  readonly pools: Pools<A>
  readonly turns: TurnsOf<A>
  readonly transformRows: TransformRows
  readonly attributes: ReadonlyArray<readonly [string, unknown]>
  /** Whether statements say in a comment what they belong to. */
  readonly traceComments: boolean
}

/** A connection until the Scope closes. What outlives the Scope gets an error. */
const reserve = <A extends object, E>(self: Transactions<A, E>): Effect.Effect<Connection, SqlError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      restore(lease(self.pools.forReservation)),
      (connection) =>
        Effect.tap(
          bind(self, connection, 0, self.pools.forReservation.invalidate(connection)),
          (bound) => Effect.addFinalizer(() => Effect.sync(() => bound.end()))
        )
    )
  )

/**
 * A client over a pool. Its statements look for a transaction of this client, and only of this one, where the fiber is; else each
 * takes a connection for itself.
 */
export const make = <A extends object, E>(
  { attributes, dialect, pools, traceComments, transformRows, turns }: Parts<A, E>
): Effect.Effect<Client, never, Reactivity.Reactivity> =>
  Effect.map(Reactivity.Reactivity, (reactivity) => {
    const self: Transactions<A, E> = { dialect, pools, turns, attributes }
    const given = (connection: Connection): Connection => traceComments ? new Commented(connection) : connection
    const pooled = Effect.succeed(given(new Pooled(dialect, pools)))
    // One value for this client: @effect/sql keeps what it makes of it.
    const acquirer = Effect.withFiberRuntime<Connection>((fiber) => {
      const held = heldIn(self, fiber)
      return held === undefined ? pooled : Effect.succeed(given(held))
    })
    const members = {
      [SqlClient.TypeId]: SqlClient.TypeId,
      withTransaction: <B, E2, R>(effect: Effect.Effect<B, E2, R>) => withTransaction(self, {}, effect),
      transaction: (options: TransactionOptions) => <B, E2, R>(effect: Effect.Effect<B, E2, R>) =>
        withTransaction(self, options, effect),
      reserve: reserve(self),
      reactive: reactivity.stream,
      reactiveMailbox: reactivity.query
    }
    const client = (
      compiler: Statement.Compiler,
      transformRows: TransformRows,
      withoutTransforms: () => Client
    ): Client => {
      const theirs = Statement.make(acquirer, compiler, attributes, transformRows)
      // What is written into a text is, by the connection that runs it.
      const ours = traceComments ? theirs : constructorOf(theirs, new Runner(self, transformRows))
      const client = Object.assign(ours, members, { withoutTransforms }) as Client & { safe: Client }
      client.safe = client
      return Object.assign(client, { [Internals]: self })
    }
    const transforming = client(dialect.compiler, transformRows, () => plain)
    const plain: Client = transformRows === undefined
      ? transforming
      : client(dialect.compiler.withoutTransform, undefined, () => plain)
    return transforming
  })
