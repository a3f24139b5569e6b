/** What happens between the pool and the server. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Mode, ProxyConnection } from "../../support/proxy.js"
import * as Proxy from "../../support/proxy.js"
import type { Fault, World } from "./fault.js"

/** For the connections that are open and those to come, and for all of them no more when it ends. */
const mode = (mode: Mode): Pick<Fault, "begin" | "end"> => ({
  begin: ({ proxy }) => Effect.sync(() => proxy.setMode(mode)),
  end: ({ proxy }) => Effect.sync(() => proxy.setMode(Proxy.pass))
})

/** When it ends, new connections are well. Those that it met are dead for ever, and nobody is told. */
const deadly = (mode: Mode): Pick<Fault, "begin" | "end"> => ({
  begin: ({ proxy }) => Effect.sync(() => proxy.setMode(mode)),
  end: ({ proxy }) => Effect.sync(() => proxy.setModeOfNew(Proxy.pass))
})

/** To a connection at random, again and again. */
const now = (
  { proxy }: World,
  millis: number,
  act: (connection: ProxyConnection) => Effect.Effect<void>
) =>
  Effect.gen(function*() {
    const all = proxy.connections()
    if (all.length > 0) yield* act(all[yield* Random.nextIntBetween(0, all.length)]!)
    yield* Effect.sleep(yield* Random.nextIntBetween(1, millis))
  }).pipe(Effect.forever, Effect.forkScoped, Effect.asVoid)

const garbage = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 256), 64),
  (bytes) => Uint8Array.from(bytes)
)

export const network: ReadonlyArray<Fault> = [
  {
    name: "delay",
    what: "All bytes arrive 200 ms later.",
    leaves: [],
    ...mode(Proxy.delay(200))
  },
  {
    name: "bandwidth",
    what: "1,000 bytes a second, in each direction of a connection.",
    leaves: ["FailedOpenings", "Hangs"],
    ...mode(Proxy.throttle(1_000))
  },
  {
    name: "cut",
    what: "Connections are ended (FIN), new ones at once.",
    leaves: ["FailedOpenings"],
    ...mode(Proxy.fin)
  },
  {
    name: "reset",
    what: "Connections are reset (RST), new ones at once.",
    leaves: ["FailedOpenings"],
    ...mode(Proxy.reset)
  },
  {
    name: "cut-answers",
    what: "Connections are reset in the middle of an answer, at any byte of it.",
    leaves: ["FailedOpenings"],
    begin: (world) =>
      now(
        world,
        100,
        (connection) => Effect.map(Random.nextIntBetween(0, 300), (bytes) => connection.setMode(Proxy.cutAfter(bytes)))
      ),
    end: ({ proxy }) => Effect.sync(() => proxy.setMode(Proxy.pass))
  },
  {
    name: "black-hole",
    what: "Connects succeed, and nothing arrives. Connections of that time stay dead.",
    leaves: ["FailedOpenings", "Hangs", "Locks"],
    ...deadly(Proxy.blackHole)
  },
  {
    name: "deaf-server",
    what: "Half-open: nothing arrives at the server any more. Connections of that time stay so.",
    leaves: ["FailedOpenings", "Hangs", "Locks"],
    ...deadly(Proxy.oneWay("Client"))
  },
  {
    name: "mute-server",
    what: "Half-open: the server hears everything, and none of its answers arrive. Connections of that time stay so.",
    leaves: ["FailedOpenings", "Hangs", "Locks"],
    ...deadly(Proxy.oneWay("Server"))
  },
  {
    name: "garbage",
    what: "64 random bytes come in between the server's, on one connection after the other.",
    leaves: ["FailedOpenings", "Hangs", "Locks"],
    begin: (world) => now(world, 200, (connection) => Effect.map(garbage, (bytes) => connection.inject(bytes))),
    end: () => Effect.void
  }
]
