/** Transfers, as clients of the bank's HTTP service ask for them: many at once, or one after the other. */
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
  /** Hears of each answer. */
  readonly hear: (answer: Answer) => void
}

/**
 * What a request came to.
 *
 * - `Transferred`: 200.
 * - `Insufficient`: 409, the account had too little.
 * - `Unavailable`: 503, there was no connection for it.
 * - `Refused`: the service stops, or is not there any more. Nothing was begun, so it may be asked for elsewhere.
 * - `Failed`: any other answer.
 * - `Lost`: no answer, or half of one. Nobody knows whether it was done.
 */
export type Outcome = "Transferred" | "Insufficient" | "Unavailable" | "Refused" | "Failed" | "Lost"

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

const anyTransfer = (accounts: number) =>
  Effect.gen(function*() {
    const from = yield* Random.nextIntBetween(1, accounts + 1)
    // One of the others.
    const other = yield* Random.nextIntBetween(1, accounts)
    const amount = yield* Random.nextIntBetween(1, largestAmount + 1)
    return new Transfer({ from, to: other < from ? other : other + 1, amount })
  })

/** The same transfers each time. */
const plan = ({ accounts, transfers }: Options) =>
  Effect.withRandom(Effect.replicateEffect(anyTransfer(accounts), transfers), Random.make(seed))

const outcomeOf = (status: number, text: string): Outcome => {
  switch (status) {
    case 200:
      return "Transferred"
    case 409:
      return "Insufficient"
    case 503:
      return text.includes("stopping") ? "Refused" : "Unavailable"
    default:
      return "Failed"
  }
}

const unanswered = (error: { readonly message: string; readonly cause?: unknown }) => {
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
  return { outcome: code === "ECONNREFUSED" ? "Refused" as const : "Lost" as const, detail: message }
}

/** Sends one transfer, and waits for the whole answer. */
const send = (client: HttpClient.HttpClient, url: string, transfer: Transfer): Effect.Effect<Answer> =>
  Effect.gen(function*() {
    const request = HttpClientRequest.post(`${url}/transfers`).pipe(HttpClientRequest.bodyUnsafeJson(transfer))
    const response = yield* client.execute(request)
    const text = yield* response.text
    return { outcome: outcomeOf(response.status, text), detail: `${response.status} ${text}` }
  }).pipe(
    Effect.catchAll((error) => Effect.succeed(unanswered(error))),
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
      (transfer, index) =>
        send(clients[index]!, options.url, transfer).pipe(
          Effect.tap((answer) => Effect.sync(() => options.hear(answer))),
          Effect.zipLeft(progress.advance)
        ),
      { concurrency: "unbounded" }
    ))
    return { answers, millis: Duration.toMillis(duration) }
  }).pipe(Effect.scoped)

/** One that was told to come later does so after about the second that it was told, as not all are to come at once. */
const pause = Effect.flatMap(Random.nextRange(500, 1500), (millis) => Effect.sleep(millis))

export interface GoOn extends Omit<Options, "transfers"> {
  readonly isWanted: () => boolean
  /**
   * Ends when the service stops. Who waits to ask again does so at once: one that asked in the very moment in which the server cuts its connections
   * could not know whether it was heard.
   */
  readonly stopping: Effect.Effect<unknown>
}

/** One client, which asks for one transfer after the other for as long as it is wanted, until the service stops or gives no answer. */
export const goOn = ({ accounts, hear, isWanted, stopping, url }: GoOn) =>
  Effect.gen(function*() {
    const [client] = yield* Clients.make(url, 1)
    yield* Effect.flatMap(anyTransfer(accounts), (transfer) => send(client!, url, transfer)).pipe(
      Effect.tap((answer) => Effect.sync(() => hear(answer))),
      Effect.tap(({ outcome }) => outcome === "Unavailable" ? Effect.race(pause, stopping) : Effect.void),
      Effect.repeat({ while: ({ outcome }) => isWanted() && outcome !== "Refused" && outcome !== "Lost" })
    )
  }).pipe(Effect.scoped)
