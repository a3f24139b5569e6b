/** Transactions of one's own that take what is to be used. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import * as TSemaphore from "effect/TSemaphore"
import type { EffectContender } from "../model.js"
import { canAll, Connection } from "../model.js"

const claims: EffectContender = {
  _tag: "Effect",
  name: "Cenote `useSTM`, one `tryTake`",
  role: "Stm",
  can: canAll,
  make: ({ maxSize }) =>
    Effect.map(
      ConnectionPool.make({ connector: Effect.sync(() => new Connection()), maxSize, checkAfterIdle: Infinity }),
      (pool) => {
        const take = STM.flatMap(pool.tryTake(), Option.match({ onNone: () => STM.fail("none"), onSome: STM.succeed }))
        // The first opens a connection.
        return (body) => Effect.catchAll(ConnectionPool.useSTM(take, body), () => pool.use(body))
      }
    )
}

/** A counter and a stack of connections: no deadline, no queue, nothing is opened or closed. */
const byHand: EffectContender = {
  _tag: "Effect",
  name: "`TSemaphore` and a `TRef` of connections, by hand",
  role: "Stm",
  can: canAll,
  make: ({ maxSize }) =>
    Effect.gen(function*() {
      const permits = yield* TSemaphore.make(maxSize)
      const idle = yield* TRef.make<ReadonlyArray<Connection>>(Array.from({ length: maxSize }, () => new Connection()))
      const take = STM.zipRight(TSemaphore.acquire(permits), TRef.modify(idle, ([first, ...rest]) => [first!, rest]))
      const give = (connection: Connection) =>
        STM.zipRight(TSemaphore.release(permits), TRef.update(idle, (rest) => [connection, ...rest]))
      return (body) => Effect.acquireUseRelease(STM.commit(take), body, (connection) => STM.commit(give(connection)))
    })
}

export const contenders = [claims, byHand]
