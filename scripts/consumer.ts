// What a user's own library may export, from one entry point of the pool only: the compiler must be able to name every type in its
// declarations. Compiled against the packed packages.
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

export class Db extends ConnectionPool.Tag("app/Db")<Db, { readonly ping: Effect.Effect<string> }, Error>() {
  static readonly live = Db.layer({ connector: Effect.succeed({ ping: Effect.succeed("pong") }), startup: "probe" })
  static readonly fromConfig = Db.layerConfig({
    connector: Effect.succeed({ ping: Effect.succeed("pong") }),
    maxSize: Config.integer("MAX_SIZE")
  })
}

export const { clear, close, drain, events, get, health, leases, recycle, resize, resume, stats, suspend } = Db
export const lease = Db.lease()
export const answer = Db.use((connection) => connection.ping)
export const options = { connector: Effect.succeed(1), maxSize: 3 }
export const made = ConnectionPool.make(options)
export const parts = Effect.map(made, (pool) => ({
  events: pool.events,
  health: pool.health,
  leases: pool.leases,
  stats: pool.stats,
  lease: pool.lease()
}))
export const layer = Db.layer
export const layerConfig = Db.layerConfig
