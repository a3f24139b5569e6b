/** What is said when the bank was told to stop: what became of each request, and what was left behind. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { GracefulServer } from "../graceful/GracefulServer.js"
import type { Counts } from "../graceful/requests.js"
import type { Customers, Heard } from "./customers.js"
import type { Monitor } from "./monitor.js"
import { DemoFailed, signal } from "./run.js"
import * as Table from "./table.js"
import { count } from "./table.js"

export interface Options {
  readonly customers: Customers
  readonly monitor: Monitor
  /** Of all accounts, when the bank was opened. */
  readonly sum: number
  /** In seconds. */
  readonly deadline: number
}

interface Farewell {
  readonly signal: string
  readonly requests: Counts
  readonly heard: Heard
  readonly sessionsLeft: number
  readonly sumBefore: number
  readonly sumAfter: number
}

export const make = ({ customers, deadline, monitor, sum }: Options) =>
  Effect.sync(() => {
    let requests: Counts | undefined

    /** Says how many requests there are to finish, and notes what becomes of them. Not a child of who calls it: it goes on. */
    const watch = Effect.forkDaemon(Effect.gen(function*() {
      const server = yield* GracefulServer
      const underWay = yield* server.stopping
      if (Option.isSome(signal())) {
        yield* Console.log(`Requests under way: ${count(underWay)}. They have ${deadline} s to finish.`)
      }
      requests = yield* server.stopped
    }))

    /** A session that was said goodbye to takes a moment to go. */
    const sessionsLeft = monitor.sessions.pipe(
      Effect.repeat({ until: (sessions) => sessions === 0, schedule: Schedule.spaced("20 millis"), times: 100 }),
      Effect.zipRight(monitor.sessions)
    )

    /** Says nothing where nobody told it to stop. What must not be is a defect, as nobody is there any more to handle it. */
    const say = Effect.gen(function*() {
      const told = signal()
      if (Option.isNone(told) || requests === undefined) return
      const farewell: Farewell = {
        signal: told.value,
        requests,
        heard: customers.heard,
        sessionsLeft: yield* sessionsLeft,
        sumBefore: sum,
        sumAfter: yield* monitor.total
      }
      yield* Console.log(`\n${table(farewell)}\n`)
      const wrong = faults(farewell, deadline)
      if (wrong.length > 0) return yield* new DemoFailed({ message: wrong.join("\n") })
      yield* Console.log("✔ No request was lost.")
    }).pipe(Effect.orDie)

    return { watch, say }
  })

const table = ({ heard: { times }, requests, sessionsLeft, signal, sumAfter, sumBefore }: Farewell): string =>
  Table.make({
    [`Requests, at ${signal}`]: {
      "under way": count(requests.underWay),
      "finished": count(requests.finished),
      "cut short at the deadline": count(requests.cut),
      "left by their client": count(requests.left),
      "came later, refused (503)": count(requests.refused)
    },
    "The clients in this process": {
      "answered": count(times.Transferred + times.Insufficient + times.Unavailable),
      "refused (503, or no server)": count(times.Refused),
      "failed": count(times.Failed),
      "lost": count(times.Lost)
    },
    "Server": { "sessions left": count(sessionsLeft) },
    "Sum of all accounts": { "before": count(sumBefore), "after": count(sumAfter) }
  })

/** Everything that must not be, in a sentence each. */
const faults = ({ heard, requests, sessionsLeft, sumAfter, sumBefore }: Farewell, deadline: number) => {
  const { first, times } = heard
  return [
    ...(requests.cut === 0 ? [] : [`Not finished in ${deadline} s, and cut short: ${count(requests.cut)}.`]),
    ...(first.Lost === undefined ? [] : [`Without an answer: ${count(times.Lost)}. The first: ${first.Lost.detail}`]),
    ...(first.Failed === undefined ? [] : [`Failed: ${count(times.Failed)}. The first: ${first.Failed.detail}`]),
    ...(sessionsLeft === 0 ? [] : [`Sessions that the pool left on the server: ${count(sessionsLeft)}.`]),
    ...(sumBefore === sumAfter ? [] : [`The sum was ${count(sumBefore)} before, and ${count(sumAfter)} after.`])
  ]
}
