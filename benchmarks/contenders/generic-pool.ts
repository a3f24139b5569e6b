import { createPool } from "generic-pool"
import { Connection } from "../model.js"
import { library } from "./promises.js"

export const contenders = library({
  name: "generic-pool",
  make: ({ acquireTimeout, maxSize, usedOnce }) => {
    const pool = createPool({
      create: () => Promise.resolve(new Connection()),
      destroy: () => Promise.resolve()
    }, {
      max: maxSize,
      ...acquireTimeout === undefined ? {} : { acquireTimeoutMillis: acquireTimeout }
    })
    return {
      acquire: () => pool.acquire(),
      release: (connection) => usedOnce ? pool.destroy(connection) : void pool.release(connection)
    }
  }
})
