/** The same for every server: any port of the loopback, and room for 1,000 clients that connect at once. */
export const listenOptions = { host: "127.0.0.1", port: 0, backlog: 2048 }

/** Of PostgreSQL, in each server. */
export const poolSize = 10
