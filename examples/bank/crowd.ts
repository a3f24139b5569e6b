/** Clients that go on asking, as many as are wanted at the moment. */
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import { GracefulServer } from "../graceful/GracefulServer.js"
import type { Customers } from "./customers.js"
import * as Load from "./load.js"

export interface Options {
  readonly accounts: number
  readonly customers: Customers
}

export const make = ({ accounts, customers }: Options) =>
  Effect.sync(() => {
    const asking = new Set<number>()
    let wanted = 0

    const one = (url: string, index: number) =>
      Effect.flatMap(GracefulServer, ({ stopping }) =>
        Load.goOn({ url, accounts, hear: customers.hear, isWanted: () => index < wanted, stopping })).pipe(
          Effect.catchAll((error) =>
            Effect.logWarning(error.message)
          ),
          Effect.ensuring(Effect.sync(() => asking.delete(index)))
        )

    return {
      /** They ask the server that is told of here. Those that are too many stop when they have their answer. */
      want: (count: number) =>
        HttpServer.addressFormattedWith((url) => {
          wanted = count
          const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !asking.has(index))
          for (const index of missing) asking.add(index)
          return Effect.forEach(missing, (index) => customers.fork(one(url, index)), { discard: true })
        }),
      counts: Effect.sync(() => ({ wanted, asking: asking.size, ...customers.heard.times }))
    }
  })

export type Crowd = Effect.Effect.Success<ReturnType<typeof make>>
