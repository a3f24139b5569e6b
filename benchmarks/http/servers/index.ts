/**
 * Every server that is compared, under the name that the tables show. A new one is a file here and a line below. Each is loaded only
 * in the process that runs it.
 */
export interface ServerModule {
  /** Begins to listen, until the process ends. Answers the port. */
  readonly start: () => Promise<number>
}

export const requestConnection = "Cenote `RequestConnection`"

export const servers: Readonly<Record<string, () => Promise<ServerModule>>> = {
  [requestConnection]: () => import("./cenote-request.js"),
  "Cenote `pool.use`": () => import("./cenote-pool.js"),
  "Cenote `RequestTransaction`": () => import("./cenote-transaction.js"),
  "Cenote `sql.withTransaction`": () => import("./cenote-sql.js"),
  "@effect/sql-pg `sql.withTransaction`": () => import("./effect-sql-pg.js"),
  "pg.Pool, HttpRouter": () => import("./pg-router.js"),
  "pg.Pool, node:http": () => import("./pg-node.js")
}
