/** What each endpoint does. A handler asks services, and does nothing else. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Accounts } from "./accounts.js"
import { Bank } from "./api.js"
import { RequestDb } from "./connection.js"
import { Account, Entry } from "./domain.js"
import { Events } from "./events.js"
import { ofRequest, Report } from "./report.js"
import { Transfers } from "./transfers.js"

const accounts = HttpApiBuilder.group(Bank, "accounts", (handlers) =>
  Effect.gen(function*() {
    const accounts = yield* Accounts
    const events = yield* Events
    return handlers
      .handle("open", ({ payload }) => accounts.open(payload))
      .handle("find", ({ path }) => accounts.find(path.id))
      .handle("events", ({ path: { id } }) =>
        Effect.gen(function*() {
          // While there is no head of a response yet, an error is still a status.
          yield* accounts.find(id)
          const happened = Stream.filter(
            events.since(accounts.find(id)),
            (event) => event instanceof Account || event.from === id || event.to === id
          )
          return HttpServerResponse.stream(eventStream(yield* ofRequest(happened)), {
            contentType: "text/event-stream"
          })
        }))
  }))

const transfers = HttpApiBuilder.group(
  Bank,
  "transfers",
  (handlers) => Effect.map(Transfers, (transfers) => handlers.handle("make", ({ payload }) => transfers.make(payload)))
)

const report = HttpApiBuilder.group(Bank, "report", (handlers) =>
  Effect.map(Report, (report) =>
    handlers
      .handle("rows", () => Effect.map(ofRequest(report.rows), lines))
      .handle("snapshot", () => RequestDb.keepThroughBody(Effect.map(ofRequest(report.snapshot), lines)))))

const encodeEntry = Schema.encodeSync(Schema.parseJson(Entry))
const encodeEvent = Schema.encodeSync(Schema.parseJson(Schema.Union(Account, Entry)))

const lines = <E>(entries: Stream.Stream<Entry, E>) => {
  let count = 0
  const body = Stream.concat(
    Stream.map(entries, (entry) => {
      count++
      return `${encodeEntry(entry)}\n`
    }),
    Stream.suspend(() => Stream.succeed(`{"count":${count}}\n`))
  )
  return HttpServerResponse.stream(Stream.encodeText(body), { contentType: "application/x-ndjson" })
}

const eventStream = <E>(events: Stream.Stream<Account | Entry, E>) =>
  Stream.encodeText(
    Stream.map(events, (event) =>
      `event: ${event instanceof Account ? "account" : "transfer"}\ndata: ${encodeEvent(event)}\n\n`)
  )

/** The whole application, but for the pool. */
export const layer = HttpApiBuilder.api(Bank).pipe(
  Layer.provide([accounts, transfers, report]),
  Layer.provide([Accounts.Default, Transfers.Default, Report.Default, RequestDb.layerApi]),
  Layer.provide(Events.Default)
)
