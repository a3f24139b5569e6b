import { Pool } from "tarn"
import { Connection } from "../model.js"
import { library } from "./promises.js"

export const contenders = library({
  name: "tarn",
  make: ({ acquireTimeout, maxSize, usedOnce }) => {
    const pool = new Pool<Connection>({
      create: () => Promise.resolve(new Connection()),
      destroy: () => {},
      // It has no way to close a connection on return: it closes one that is no good when the next caller asks.
      validate: usedOnce ? ({ uses }) => uses++ === 0 : () => true,
      min: 0,
      max: maxSize,
      ...acquireTimeout === undefined ? {} : { acquireTimeoutMillis: acquireTimeout }
    })
    return {
      acquire: () => pool.acquire().promise,
      release: (connection) => void pool.release(connection)
    }
  }
})
