/** Many transfers at once, as clients of the bank's HTTP service. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Transfer } from "./bank.js"
import * as Clients from "./clients.js"
import * as Progress from "./progress.js"

export interface Options {
  readonly url: string
  readonly transfers: number
  readonly accounts: number
}

/**
 * What a request came to.
 *
 * - `Transferred`: 200.
 * - `Insufficient`: 409, the account had too little.
 * - `Unavailable`: 503, there was no connection for it.
 * - `Failed`: any other answer, or none.
 */
export type Outcome = "Transferred" | "Insufficient" | "Unavailable" | "Failed"

export interface Answer {
  readonly outcome: Outcome
  readonly detail: string
  readonly millis: number
}

export interface Result {
  readonly answers: ReadonlyArray<Answer>
  readonly millis: number
}

const seed = "cenote"
const largestAmount = 500

/** The same transfers each time. */
const plan = ({ accounts, transfers }: Options) =>
  Effect.replicateEffect(
    Effect.gen(function*() {
      const from = yield* Random.nextIntBetween(1, accounts + 1)
      // One of the others.
      const other = yield* Random.nextIntBetween(1, accounts)
      const amount = yield* Random.nextIntBetween(1, largestAmount + 1)
      return new Transfer({ from, to: other < from ? other : other + 1, amount })
    }),
    transfers
  ).pipe(Effect.withRandom(Random.make(seed)))

const outcomes: Record<number, Outcome> = { 200: "Transferred", 409: "Insufficient", 503: "Unavailable" }

/** Sends one transfer, and waits for the whole answer. */
const send = (client: HttpClient.HttpClient, url: string, transfer: Transfer): Effect.Effect<Answer> =>
  Effect.gen(function*() {
    const request = HttpClientRequest.post(`${url}/transfers`).pipe(HttpClientRequest.bodyUnsafeJson(transfer))
    const response = yield* client.execute(request)
    const text = yield* response.text
    return { outcome: outcomes[response.status] ?? "Failed", detail: `${response.status} ${text}` }
  }).pipe(
    Effect.catchAll((error) => Effect.succeed({ outcome: "Failed" as const, detail: error.message })),
    Effect.timed,
    Effect.map(([duration, answer]) => ({ ...answer, millis: Duration.toMillis(duration) }))
  )

/** All of them are under way at the same time. */
export const run = (options: Options): Effect.Effect<Result, Clients.CannotConnect> =>
  Effect.gen(function*() {
    const transfers = yield* plan(options)
    const clients = yield* Clients.make(options.url, transfers.length)
    const progress = yield* Progress.make("Transfers", transfers.length)
    const [duration, answers] = yield* Effect.timed(Effect.forEach(
      transfers,
      (transfer, index) => Effect.zipLeft(send(clients[index]!, options.url, transfer), progress.advance),
      { concurrency: "unbounded" }
    ))
    return { answers, millis: Duration.toMillis(duration) }
  }).pipe(Effect.scoped)
