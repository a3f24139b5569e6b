/** A console of a pool, with all that its pages, its stream and its metrics say in a Search. */
import type * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolConsole from "@cenote/core/PoolConsole"
import * as HttpApp from "@effect/platform/HttpApp"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { until } from "../sql-adapter/harness.js"
import type { Search } from "./Search.js"

const paths = ["", "pools", "pools/db", "pools/db/server", "pools/nobody", "metrics", "console.js"]

export interface Console {
  /** Asks for every page of now. */
  readonly look: Effect.Effect<void>
}

/** `server` is its view of the server. Its stream is watched until the Scope closes. */
export const make = <A, E>(
  search: Search,
  place: string,
  pool: ConnectionPool.ConnectionPool<A, E>,
  server: Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function*() {
    const router = yield* PoolConsole.make({
      pools: { db: pool },
      read: "anyone",
      authorize: () => Effect.void,
      server: { db: server as Effect.Effect<PoolConsole.ServerView, unknown> },
      sampleEvery: "100 millis"
    })
    const handler = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(router)
    const ask = (path: string, init?: RequestInit) =>
      Effect.promise(() => handler(new Request(`http://localhost/${path}`, init)))
    const page = (path: string, init?: RequestInit) =>
      Effect.gen(function*() {
        const answer = yield* ask(path, init)
        search.add(`console /${path} of ${place}`, yield* Effect.promise(() => answer.text()))
        search.add(`headers of console /${path} of ${place}`, [...answer.headers])
      })
    const act = (action: object) =>
      page("pools/db/actions", {
        method: "POST",
        headers: { "x-cenote-console": "1", "content-type": "application/json" },
        body: JSON.stringify(action)
      })

    const stream = (yield* ask("events")).body!
    const heard = `events of the console of ${place}`
    yield* Effect.forkScoped(Stream.runForEach(
      Stream.decodeText(Stream.fromReadableStream(() => stream, String)),
      (text) => Effect.sync(() => search.add(heard, text))
    ))
    return {
      look: Effect.gen(function*() {
        yield* Effect.forEach(paths, (path) => page(path))
        yield* act({ action: "resize", maxSize: 0 })
        yield* act({ action: "resume" })
        const before = search.looked.get(heard) ?? 0
        yield* until("its stream goes on", Effect.sync(() => (search.looked.get(heard) ?? 0) > before + 1))
      })
    } satisfies Console
  })
