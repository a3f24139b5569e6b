/** Clients of the demo in another process than it: what they were told, and nobody else knows. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as http from "node:http"

/** No answer, or half of one. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{ readonly code: string }> {}

export interface Answer {
  readonly status: number
  readonly connection: string | undefined
  readonly body: string
}

export interface Request {
  readonly path: string
  readonly body?: object
  readonly headers?: http.OutgoingHttpHeaders
  /** Default: a connection for this request alone. */
  readonly agent?: http.Agent
}

/** Asks once. Where it is interrupted, it hangs up. */
export const ask = (url: string, { agent, body, headers, path }: Request): Effect.Effect<Answer, NoAnswer> =>
  Effect.async((resume) => {
    const fail = (error: NodeJS.ErrnoException) => resume(new NoAnswer({ code: error.code ?? error.message }))
    const request = http.request(`${url}${path}`, {
      agent: agent ?? false,
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", ...headers }
    }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part
      })
      response.on("error", fail)
      response.on("end", () =>
        resume(Effect.succeed({
          status: response.statusCode!,
          connection: response.headers.connection,
          body: text
        })))
    })
    request.on("error", fail)
    request.end(body === undefined ? undefined : JSON.stringify(body))
    return Effect.sync(() => request.destroy())
  })

/** A connection that is kept from one request to the next. */
export const agent = Effect.acquireRelease(
  Effect.sync(() => new http.Agent({ keepAlive: true, maxSockets: 1 })),
  (agent) => Effect.sync(() => agent.destroy())
)
