import { createPool } from "lightning-pool"
import { Connection } from "../model.js"
import { library } from "./promises.js"

export const contenders = library({
  name: "lightning-pool",
  make: ({ acquireTimeout, maxSize, usedOnce }) => {
    const pool = createPool<Connection>({
      create: () => Promise.resolve(new Connection()),
      destroy: () => {}
    }, {
      max: maxSize,
      // Unbounded. Its default refuses more than 1,000 waiters.
      maxQueue: Infinity,
      ...acquireTimeout === undefined ? {} : { acquireTimeoutMillis: acquireTimeout }
    })
    return {
      acquire: () => pool.acquire(),
      release: (connection) => usedOnce ? pool.destroyAsync(connection) : pool.release(connection)
    }
  }
})
