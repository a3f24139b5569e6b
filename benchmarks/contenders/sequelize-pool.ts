import { Pool } from "sequelize-pool"
import { Connection } from "../model.js"
import { library } from "./promises.js"

export const contenders = library({
  name: "sequelize-pool",
  make: ({ acquireTimeout, maxSize, usedOnce }) => {
    const pool = new Pool<Connection>({
      create: () => Promise.resolve(new Connection()),
      destroy: () => {},
      validate: () => true,
      min: 0,
      max: maxSize,
      ...usedOnce ? { maxUses: 1 } : {},
      ...acquireTimeout === undefined ? {} : { acquireTimeoutMillis: acquireTimeout }
    })
    return {
      acquire: () => pool.acquire(),
      release: (connection) => pool.release(connection)
    }
  }
})
