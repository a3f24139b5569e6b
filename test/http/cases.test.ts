/**
 * What can become of a request, for each kind of request, on each server, in each router. In every case the pool is at rest
 * afterwards, and where it says so the request held nothing meanwhile. A web handler has no WebSockets.
 */
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { Boom } from "./support/app.js"
import { eventually, leasedIs, stays } from "./support/pool.js"
import type { Script } from "./support/routes.js"
import { makeScript, routesOf } from "./support/routes.js"
import type { Cut, Sent } from "./support/servers.js"
import { connect } from "./support/servers.js"
import type { Stage } from "./support/stage.js"
import { play, routerNames, serverNames } from "./support/stage.js"

interface Case extends Stage {
  readonly script: Script
}

type Play = (stage: Case) => Effect.Effect<void, Cut, Scope.Scope>

const MEGABYTE = 1024 * 1024

const holdsNothing = ({ subject }: Case) => stays(subject.leased, 0)

/** Something that is counted goes no further: a client that does not read holds it up. */
const heldUp = (count: () => number) =>
  Effect.gen(function*() {
    let seen = count()
    let turns = 0
    yield* eventually(
      Effect.sync(() => {
        turns = count() === seen ? turns + 1 : 0
        seen = count()
        return turns
      }),
      (turns) => turns > 500,
      "the body goes no further"
    )
  })

/** Requests with a response that is there as a whole. */
const whole = (method: "GET" | "HEAD" | "POST") => {
  const send = ({ server }: Case): Effect.Effect<Sent> =>
    server.request(method, "/plain", method === "POST" ? { body: "upload" } : {})
  const ends = (what: Effect.Effect<void, Boom>, status: number): Play => (stage) =>
    Effect.gen(function*() {
      stage.script.handler = what
      const answer = yield* Effect.flatMap(send(stage), ({ answer }) => answer)
      expect(answer.status).toBe(status)
      const text = yield* answer.rest
      if (status === 200) expect(text).toBe(method === "HEAD" ? "" : "0")
    })
  const atGate = (stage: Case) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      stage.script.handler = gate.pass
      const sent = yield* send(stage)
      yield* gate.reached
      yield* leasedIs(stage.subject, 1)
      return { gate, sent }
    })
  const slow: Play = (stage) =>
    Effect.gen(function*() {
      stage.script.size = 8 * MEGABYTE
      const sent = method === "POST"
        ? yield* stage.server.request("POST", "/plain", { body: "pieces" })
        : yield* send(stage)
      if (method === "POST") {
        // The body comes slowly: nothing is leased before the handler uses it.
        yield* sent.send("half, ")
        yield* holdsNothing(stage)
        expect((yield* stage.subject.pool.stats).requests).toBe(0)
        yield* sent.send("whole")
        yield* sent.send()
      }
      const answer = yield* sent.answer
      expect((yield* stage.subject.pool.stats).requests).toBe(1)
      yield* holdsNothing(stage)
      const text = yield* answer.rest
      expect(text.length).toBe(method === "HEAD" ? 0 : 8 * MEGABYTE)
    })
  return {
    ok: ends(Effect.void, 200),
    fail: ends(new Boom(), 500),
    die: ends(Effect.die(new Error("told to die")), 500),
    "client abort": (stage) => Effect.flatMap(atGate(stage), ({ sent }) => sent.abort),
    "slow client": slow,
    "server shutdown": (stage) =>
      Effect.gen(function*() {
        const { gate, sent } = yield* atGate(stage)
        const shutdown = yield* Effect.fork(stage.server.shutdown)
        yield* gate.open
        expect((yield* sent.answer).status).toBe(200)
        yield* Fiber.join(shutdown)
      })
  } satisfies Record<string, Play>
}

/** Requests whose response is made while it is sent. */
const streamed = (path: "/stream" | "/events") => {
  const start = (stage: Case) =>
    Effect.gen(function*() {
      const sent = yield* stage.server.request("GET", path)
      const answer = yield* sent.answer
      expect(answer.status).toBe(200)
      return { ...answer, sent }
    })
  const cutShort = (what: Effect.Effect<void, Boom>): Play => (stage) =>
    Effect.gen(function*() {
      stage.script.piece = (number) => number === 1 ? what : Effect.void
      const answer = yield* start(stage)
      yield* Effect.exit(answer.rest)
      expect(stage.script.made).toBe(1)
    })
  /** Until the second piece, in whose use it waits. */
  const atGate = (stage: Case) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      stage.script.piece = (number) => number === 1 ? gate.pass : Effect.void
      const answer = yield* start(stage)
      expect(yield* answer.next).toBe("0;")
      yield* gate.reached
      yield* leasedIs(stage.subject, 1)
      return { ...answer, gate }
    })
  return {
    ok: (stage) =>
      Effect.gen(function*() {
        const answer = yield* start(stage)
        expect(yield* answer.rest).toBe("0;0;0;")
        // One for the handler and one for each piece.
        expect((yield* stage.subject.pool.stats).requests).toBe(4)
      }),
    fail: cutShort(new Boom()),
    die: cutShort(Effect.die(new Error("told to die"))),
    "client abort": (stage) => Effect.flatMap(atGate(stage), ({ sent }) => sent.abort),
    "slow client": (stage) =>
      Effect.gen(function*() {
        const { script } = stage
        script.pieces = 32
        script.size = MEGABYTE
        const { rest } = yield* start(stage)
        yield* heldUp(() => script.made)
        expect(script.made).toBeLessThan(script.pieces)
        yield* holdsNothing(stage)
        expect((yield* rest).length).toBe(32 * MEGABYTE)
      }),
    "server shutdown": (stage) =>
      Effect.gen(function*() {
        const { gate, rest } = yield* atGate(stage)
        const shutdown = yield* Effect.fork(stage.server.shutdown)
        yield* gate.open
        const read = yield* Effect.exit(rest)
        // On Node the pool is closed after the server. A web handler's is closed while its bodies are read: they find it closed.
        if (stage.serverName === "Node") expect(read).toEqual(Exit.succeed("0;0;"))
        yield* Fiber.join(shutdown)
      })
  } satisfies Record<string, Play>
}

/** An event stream besides has no end of its own. */
const events = (() => {
  const open = (stage: Case) =>
    Effect.gen(function*() {
      const sent = yield* stage.server.request("GET", "/quiet")
      const answer = yield* sent.answer
      expect(yield* answer.next).toBe("0;")
      yield* holdsNothing(stage)
      return { ...answer, sent }
    })
  return {
    ...streamed("/events"),
    "server shutdown": (stage) =>
      Effect.gen(function*() {
        yield* open(stage)
        const shutdown = yield* Effect.fork(stage.server.shutdown)
        // An open stream keeps the server from ending, and nothing else: the deadline cuts it off.
        yield* stays(stage.subject.leased, 0)
        yield* stage.server.cut
        yield* Fiber.join(shutdown)
      })
  } satisfies Record<string, Play>
})()

const socket = (() => {
  const open = (stage: Case) =>
    Effect.gen(function*() {
      const line = yield* connect(stage.server, "/socket")
      yield* line.say("one")
      yield* eventually(Effect.sync(() => line.heard.length), (count) => count === 1, "an answer")
      yield* holdsNothing(stage)
      return line
    })
  const atGate = (stage: Case) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const line = yield* open(stage)
      stage.script.piece = () => gate.pass
      yield* line.say("two")
      yield* gate.reached
      yield* leasedIs(stage.subject, 1)
      return { ...line, gate }
    })
  const ends = (text: string): Play => (stage) =>
    Effect.gen(function*() {
      const line = yield* open(stage)
      yield* line.say(text)
      yield* eventually(line.isClosed, (isClosed) => isClosed, "the server closes it")
    })
  return {
    ok: (stage) =>
      Effect.gen(function*() {
        const line = yield* open(stage)
        yield* line.say("two")
        yield* eventually(Effect.sync(() => line.heard.join()), (heard) => heard === "0,0", "two answers")
      }),
    fail: ends("fail"),
    die: ends("die"),
    "client abort": (stage) => Effect.flatMap(atGate(stage), ({ abort }) => abort),
    "slow client": (stage) => Effect.zipRight(open(stage), holdsNothing(stage)),
    "server shutdown": (stage) =>
      Effect.gen(function*() {
        const line = yield* atGate(stage)
        const shutdown = yield* Effect.fork(stage.server.shutdown)
        // @effect/platform-node waits for WebSockets to close: the deadline cuts them off.
        yield* stage.server.cut
        yield* Fiber.join(shutdown)
        yield* eventually(line.isClosed, (isClosed) => isClosed, "it is cut off")
      })
  } satisfies Record<string, Play>
})()

const kinds = {
  GET: whole("GET"),
  HEAD: whole("HEAD"),
  POST: whole("POST"),
  stream: streamed("/stream"),
  "event stream": events,
  WebSocket: socket
}

const situations = ["ok", "fail", "die", "client abort", "slow client", "server shutdown"] as const

for (const router of routerNames) {
  for (const server of serverNames) {
    describe(`${router} on ${server}`, () => {
      for (const [kind, plays] of Object.entries(kinds)) {
        if (kind === "WebSocket" && server === "web handler") continue
        for (const situation of situations) {
          it.scopedLive(`${kind}, ${situation}: the pool is back to rest`, () => {
            const script = makeScript()
            return play({ router, server }, routesOf(script), (stage) => plays[situation]({ ...stage, script }))
          })
        }
      }
    })
  }
}
