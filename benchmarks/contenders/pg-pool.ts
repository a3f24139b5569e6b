import { EventEmitter } from "node:events"
import type { Client, PoolClient } from "pg"
import Pool from "pg-pool"
import type { Connection } from "../model.js"
import { library } from "./promises.js"

/** As much of `pg`'s client as the pool asks for. */
class FakeClient extends EventEmitter {
  readonly _queryable = true

  connect(callback: () => void): void {
    process.nextTick(callback)
  }

  end(callback: () => void): void {
    process.nextTick(callback)
  }

  isConnected(): boolean {
    return true
  }
}

export const contenders = library({
  name: "pg-pool",
  make: ({ acquireTimeout, maxSize, usedOnce }) => {
    const pool = new Pool<Client>({
      Client: FakeClient as unknown as new() => Client,
      max: maxSize,
      ...usedOnce ? { maxUses: 1 } : {},
      ...acquireTimeout === undefined ? {} : { connectionTimeoutMillis: acquireTimeout }
    })
    return {
      acquire: () => pool.connect() as Promise<unknown> as Promise<Connection>,
      release: (connection) => (connection as unknown as PoolClient).release()
    }
  }
})
