/**
 * The demo: a bank behind an HTTP service, on a PostgreSQL server of its own. Thousands of transfers arrive at once and share
 * ten connections. Told to stop, it finishes what is under way.
 *
 * ```
 * EmbeddedPostgres → Db, the pool → Bank → HTTP service
 * ```
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parse, usage } from "./arguments.js"
import type { Arguments } from "./arguments.js"
import { Bank, Db } from "./bank.js"
import * as Crowd from "./crowd.js"
import * as Customers from "./customers.js"
import * as Farewell from "./farewell.js"
import * as Http from "./http.js"
import * as Hurt from "./hurt.js"
import * as Load from "./load.js"
import * as Monitor from "./monitor.js"
import * as Postgres from "./postgres.js"
import * as Report from "./report.js"
import { DemoFailed, runMain, serving } from "./run.js"

/** In cents. */
const openingBalance = 1000

interface Parts {
  readonly crowd: Crowd.Crowd
  readonly customers: Customers.Customers
  readonly monitor: Monitor.Monitor
}

/** Thousands of transfers at once, and then as many as anybody wants. */
const demo = (args: Arguments, { crowd, customers, monitor }: Parts) =>
  Effect.gen(function*() {
    const { accounts, clients, connections, transfers } = args
    const bank = yield* Bank
    const postgres = yield* Postgres.EmbeddedPostgres
    const url = yield* HttpServer.addressFormattedWith(Effect.succeed)

    yield* Console.log(`PostgreSQL is on port ${postgres.port}, the bank on ${url}.`)
    yield* Console.log(
      `${transfers} clients connect, then all ask for a transfer at once: ${accounts} accounts, ${connections} connections.\n`
    )

    const sumBefore = yield* bank.total
    const load = Load.run({ url, transfers, accounts, hear: customers.hear })
    const { peaks, result } = yield* customers.run(monitor.watch(load))
    const sumAfter = yield* bank.total
    const run: Report.Run = { load: result, peaks, stats: yield* Db.stats, connections, sumBefore, sumAfter }

    yield* Console.log(`${Report.table(run)}\n`)
    const faults = Report.faults(run)
    if (faults.length > 0) {
      return yield* new DemoFailed({ message: faults.join("\n") })
    }
    yield* Console.log(`✔ Not a cent was lost, and the server never saw more than ${connections} connections.`)
    if (!args.serve) return

    yield* Console.log(
      `\nStill serving. Ctrl-C stops it. Open ${url} to move the load and hurt the database. Or try:\n${examples(url)}`
    )
    if (clients > 0) yield* Console.log(`Meanwhile ${clients} clients go on asking.`)
    yield* crowd.want(clients)
    yield* serving
  })

const examples = (url: string): string =>
  [
    `  curl ${url}/accounts/1`,
    `  curl ${url}/transfers --json '{"from": 1, "to": 2, "amount": 5}'`,
    `  curl ${url}/total`,
    `  curl ${url}/audit/3`,
    `  curl ${url}/pool`
  ].join("\n")

/** The demo, and all that ends with it, in the right order. */
const service = (args: Arguments) =>
  Effect.gen(function*() {
    const { accounts, connections, deadline, port = 0 } = args
    const postgres = yield* Postgres.EmbeddedPostgres
    const monitor = yield* Monitor.make(postgres.url)
    const hurt = yield* Hurt.make(postgres, monitor)
    const customers = yield* Customers.make
    const farewell = yield* Farewell.make({ customers, monitor, deadline, sum: accounts * openingBalance })

    const crowd = yield* Crowd.make({ accounts, customers })

    const server = Http.layer({ monitor, crowd, hurt }).pipe(
      Layer.provideMerge(Http.server({ port, deadline: `${deadline} seconds` }))
    )
    // What ends first stands first. The server finishes what is under way,
    const shown = postgres.during(demo(args, { crowd, customers, monitor }))
    const open = Effect.provide(Effect.zipRight(farewell.watch, shown), server).pipe(
      // its clients hear that it is gone,
      Effect.ensuring(customers.gone)
    )
    // the pool closes,
    yield* Effect.zipRight(Bank.open(accounts, openingBalance), open).pipe(
      Effect.provide(
        Bank.Default.pipe(Layer.provideMerge(Db.live({ url: postgres.url, connections, overload: args.serve })))
      ),
      // and then it can be seen what was left.
      Effect.onExit(() => farewell.say)
    )
  }).pipe(Effect.scoped)

const main = Effect.gen(function*() {
  const args = yield* parse(process.argv.slice(2))
  if (args.help) return yield* Console.log(usage)
  yield* Console.log("Starting PostgreSQL …")
  yield* Effect.provide(service(args), Postgres.layer({ maxConnections: args.connections + 10 }))
})

runMain(Effect.provide(main, NodeContext.layer))
