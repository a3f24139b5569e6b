/**
 * HTTP clients with a connection each, that the server has accepted already: so all of them can ask at the same moment. If they
 * connected in that moment as well, a system with a short queue for new connections (128 is common) would refuse most of them.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export class CannotConnect extends Data.TaggedError("CannotConnect")<{ readonly message: string }> {}

/** Says hello over a connection that is kept until the Scope closes. */
const connect = (url: string): Effect.Effect<HttpClient.HttpClient, CannotConnect, Scope.Scope> =>
  Effect.gen(function*() {
    const agent = yield* NodeHttpClient.makeAgent({ keepAlive: true, maxSockets: 1 })
    const client = yield* Effect.provideService(NodeHttpClient.make, NodeHttpClient.HttpAgent, agent)
    yield* Effect.flatMap(client.get(`${url}/hello`), (response) => response.text)
    return client
  }).pipe(
    Effect.mapError(({ cause }) =>
      new CannotConnect({
        message: `A client cannot connect to ${url}: ${cause}. `
          + "Ask for fewer --transfers, or raise the limit of open files: each transfer needs two."
      })
    )
  )

export const make = (url: string, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => connect(url), { concurrency: 50 })
