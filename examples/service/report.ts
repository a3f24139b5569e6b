/** The whole book as a stream of rows: any number of them, in little memory. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { RequestDb } from "./connection.js"
import { Ledger } from "./ledger.js"

const rowsAtATime = 500

export class Report extends Effect.Service<Report>()("service/Report", {
  effect: Effect.map(Ledger, (ledger) => ({
    /**
     * Page by page. Each page has a connection for as long as it takes to read it, and a client that is slow to take it holds none. What
     * is added meanwhile may be in it.
     */
    rows: Stream.paginateChunkEffect(0, (after) =>
      Effect.map(ledger.page(after, rowsAtATime), (page) => [
        Chunk.unsafeFromArray(page),
        page.length < rowsAtATime ? Option.none() : Option.some(page.at(-1)!.number)
      ])),

    /** As they are at one moment, so with one connection until the last row is taken: the route says that it keeps it. */
    snapshot: ledger.snapshot
  })),
  dependencies: [Ledger.Default]
}) {}

/** Lets a response's body ask for the connection of the request that it answers. */
export const ofRequest = <A, E, R>(body: Stream.Stream<A, E, R>) =>
  Effect.map(RequestDb, (connection) => Stream.provideService(body, RequestDb, connection))
