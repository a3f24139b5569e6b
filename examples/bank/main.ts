/**
 * The demo: a bank behind an HTTP service, on a PostgreSQL server of its own. Thousands of transfers arrive at once and share
 * ten connections.
 *
 * ```
 * EmbeddedPostgres → Db, the pool → Bank → HTTP service
 * ```
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parse, usage } from "./arguments.js"
import type { Arguments } from "./arguments.js"
import { Bank, Db } from "./bank.js"
import * as Http from "./http.js"
import * as Load from "./load.js"
import * as Monitor from "./monitor.js"
import * as Postgres from "./postgres.js"
import * as Report from "./report.js"
import { runMain, serving } from "./run.js"

/** In cents. */
const openingBalance = 1000

class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly message: string }> {}

/** Port 0 is any that is free. */
const layers = ({ connections, port = 0 }: Arguments) => {
  const postgres = Postgres.layer({ maxConnections: connections + 10 })
  const db = Layer.unwrapEffect(Effect.map(Postgres.EmbeddedPostgres, ({ url }) => Db.live({ url, connections })))
  const bank = Bank.Default.pipe(Layer.provideMerge(db), Layer.provideMerge(postgres))
  const server = Http.server(port)
  return Http.layer.pipe(Layer.provideMerge(Layer.mergeAll(bank, server)))
}

const demo = (args: Arguments) =>
  Effect.gen(function*() {
    const { accounts, connections, serve, transfers } = args
    const bank = yield* Bank
    const postgres = yield* Postgres.EmbeddedPostgres
    const url = yield* HttpServer.addressFormattedWith(Effect.succeed)

    yield* bank.open(accounts, openingBalance)
    yield* Console.log(`PostgreSQL is on port ${postgres.port}, the bank on ${url}.`)
    yield* Console.log(
      `${transfers} clients connect, then all ask for a transfer at once: ${accounts} accounts, ${connections} connections.\n`
    )

    const sumBefore = yield* bank.total
    const { peaks, result: load } = yield* Monitor.watch(postgres.url, Load.run({ url, transfers, accounts }))
    const sumAfter = yield* bank.total
    const run: Report.Run = { load, peaks, stats: yield* Db.stats, connections, sumBefore, sumAfter }

    yield* Console.log(`${Report.table(run)}\n`)
    const faults = Report.faults(run)
    if (faults.length > 0) {
      return yield* new DemoFailed({ message: faults.join("\n") })
    }
    yield* Console.log(`✔ Not a cent was lost, and the server never saw more than ${connections} connections.`)
    if (serve) {
      yield* Console.log(`\nStill serving. Ctrl-C stops it. Try:\n${examples(url)}`)
      yield* serving
    }
  })

const examples = (url: string): string =>
  [
    `  curl ${url}/accounts/1`,
    `  curl ${url}/transfers --json '{"from": 1, "to": 2, "amount": 5}'`,
    `  curl ${url}/total`,
    `  curl ${url}/pool`
  ].join("\n")

const main = Effect.gen(function*() {
  const args = yield* parse(process.argv.slice(2))
  if (args.help) return yield* Console.log(usage)
  yield* Console.log("Starting PostgreSQL …")
  yield* Effect.flatMap(Postgres.EmbeddedPostgres, (postgres) => postgres.during(demo(args))).pipe(
    Effect.provide(layers(args))
  )
})

runMain(Effect.provide(main, NodeContext.layer))
