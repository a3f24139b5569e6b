/** The clients of a server: autocannon, which asks again as soon as it is answered. */
import autocannon from "autocannon"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Answer } from "./figures.js"
import type { Request } from "./requests.js"
import { requestsOf } from "./requests.js"

export class NotAnswered extends Data.TaggedError("NotAnswered")<{ readonly message: string }> {}

export interface Load {
  readonly port: number
  readonly clients: number
  /** In all. */
  readonly requests: number
}

/** Seconds. */
const timeout = 20

/** What went wrong; undefined where all were answered as they should be. */
export const complaint = (
  { errors, non2xx, timeouts, ...result }: Pick<autocannon.Result, "errors" | "non2xx" | "timeouts" | "2xx">,
  requests: number
): string | undefined => {
  const problems = [
    [errors - timeouts, "broken off"],
    [timeouts, `not answered in ${timeout} s`],
    [non2xx, "answered with an error"],
    [requests - result["2xx"] - non2xx - errors, "not answered"]
  ] as const
  const found = problems.flatMap(([count, how]) => count > 0 ? [`${count} ${how}`] : [])
  return found.length === 0 ? undefined : `of ${requests} requests, ${found.join(", ")}`
}

/** The answers, in the order in which they came. */
export const ask = ({ clients, port, requests }: Load): Effect.Effect<ReadonlyArray<Answer>, NotAnswered> =>
  Effect.async((resume) => {
    const answers: Array<Answer> = []
    const asking = new Map<autocannon.Client, { readonly asked: ReadonlyArray<Request>; answered: number }>()
    const run = autocannon({
      url: `http://127.0.0.1:${port}`,
      connections: clients,
      amount: requests,
      timeout,
      // How soon it sees that all have been answered, in milliseconds.
      sampleInt: 10,
      bailout: 1,
      headers: { "content-type": "application/json" },
      setupClient: (client) => {
        const asked = requestsOf(asking.size)
        asking.set(client, { asked, answered: 0 })
        client.setRequests(asked.map(({ kind: _, ...request }) => request))
      }
    }, (error, result) => {
      const problem = error === null || error === undefined ? complaint(result, requests) : String(error)
      resume(problem === undefined ? Effect.succeed(answers) : new NotAnswered({ message: problem }))
    })
    run.on("response", (client, _status, _bytes, took) => {
      const at = performance.now()
      const its = asking.get(client)!
      // Each is answered in the order in which it asks.
      const { kind } = its.asked[its.answered % its.asked.length]!
      answers.push({ kind, isFirst: its.answered === 0, at, took })
      its.answered++
    })
    return Effect.sync(() => run.stop())
  })
