/** A user's service over a pool. Nothing here knows of a test. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class DbError extends Data.TaggedError("DbError")<{ readonly reason: string }> {}

export interface Connection {
  readonly query: (sql: string, ...values: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<unknown>, DbError>
}

export class Db extends ConnectionPool.Tag("shop/Db")<Db, Connection, DbError>() {}

/** Everybody is busy: ask again. */
export class Busy extends Data.TaggedError("Busy")<{ readonly retryAfterSeconds: number }> {}

/** The database does not work. */
export class Unavailable extends Data.TaggedError("Unavailable")<{ readonly because: string }> {}

export class Orders extends Effect.Service<Orders>()("shop/Orders", {
  effect: Effect.gen(function*() {
    const pool = yield* Db
    return {
      /** Fails within 4 seconds, whatever the database does. */
      place: (product: string) =>
        pool.use(
          ({ query }) => Effect.timeout(query("insert into orders values (?)", product), "2 seconds"),
          { acquireTimeout: "2 seconds" }
        ).pipe(
          Effect.asVoid,
          Effect.catchTags({
            AcquireTimeout: () => new Busy({ retryAfterSeconds: 5 }),
            PoolRefused: () => new Busy({ retryAfterSeconds: 5 }),
            TimeoutException: () => new Unavailable({ because: "no answer" }),
            ConnectTimeout: () => new Unavailable({ because: "no answer" }),
            DbError: ({ reason }) => new Unavailable({ because: reason }),
            PoolClosed: () => new Unavailable({ because: "shutting down" }),
            PoolDeadlock: (error) => Effect.die(error)
          })
        )
    }
  })
}) {}
