/** The server dies, and another one takes its place at the same address. */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Server } from "../databases/database.js"
import type { Fault, World } from "./fault.js"

/** The server's. */
const addressOf = ({ front, proxy }: World) => front._tag === "PgBouncer" ? front.address : proxy

/** The first is killed, and its files are deleted; the address leads to the second. */
const replace = (world: World, standby: Server, scope: Scope.CloseableScope) =>
  Effect.gen(function*() {
    yield* world.server.kill
    addressOf(world).setTarget(standby)
    const old = world.scope
    world.server = standby
    world.scope = scope
    yield* Scope.close(old, Exit.void)
  })

export const failover: Fault = {
  name: "failover",
  what: "The server is killed, and its address leads to a synchronous standby, which only reads until it is promoted.",
  leaves: ["FailedOpenings"],
  begin: (world) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(world.root, ExecutionStrategy.sequential)
      const standby = yield* Scope.extend(world.server.standby, scope)
      yield* replace(world, standby, scope)
    }),
  end: ({ server }) => server.promote
}
