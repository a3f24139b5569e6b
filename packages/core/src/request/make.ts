/** A pool's beginning and end. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Allocator from "../allocator/Allocator.js"
import { Ticket } from "../allocator/Ticket.js"
import type { ConnectTimeout, InvalidOptions } from "../model/errors.js"
import { PoolEvent } from "../model/events.js"
import type { Options } from "../model/options.js"
import type { Settings } from "../model/settings.js"
import { decode } from "../model/settings.js"
import type { Core, Timeless } from "./core.js"
import { now, publish } from "./core.js"
import { Events } from "./events.js"
import { InOrder } from "./InOrder.js"
import { Keeper } from "./Keeper.js"
import { perform, startAll } from "./perform.js"

const makeCore = <A, E, R>(
  settings: Settings<A, E, R>,
  history: Allocator.History | undefined
): Effect.Effect<Core<A, E>, never, R> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<R>()
    const allocator = yield* Allocator.make(settings.rules, history)
    const commit = (input: Timeless) =>
      Effect.uninterruptible(Effect.suspend(() =>
        Effect.tap(
          allocator.decide({ ...input, now: clock.unsafeCurrentTimeMillis() }),
          (decision) => Effect.sync(() => perform(core, decision))
        )
      ))
    const core: Core<A, E> = {
      settings,
      allocator,
      clock,
      runtime,
      resources: new Map(),
      workers: new Map(),
      keeper: new Keeper(
        () => clock.unsafeCurrentTimeMillis(),
        (effect) => Runtime.runFork(runtime)(Effect.interruptible(effect), { immediate: false }),
        commit({ _tag: "Tick" })
      ),
      events: new Events(),
      work: new InOrder((work) => startAll(core, work)),
      commit
    }
    return core
  })

/** Opens what `startup` asks for. Fails as the first failed opening does. */
const start = <A, E>(core: Core<A, E>): Effect.Effect<void, E | ConnectTimeout> => {
  const { rules, startup } = core.settings
  const target = { lazy: 0, probe: 1, fill: rules.minSize }[startup]
  if (target === 0) return core.commit({ _tag: "Tick" })
  const ticket = new Ticket(now(core), Infinity)
  return Effect.zipRight(
    core.commit({ _tag: "Start", target, ticket }),
    ticket.wait((notice) =>
      notice._tag === "Denied" && notice.denial._tag === "Down"
        ? Effect.failCause(notice.denial.cause) as Effect.Effect<never, E | ConnectTimeout>
        : Effect.void
    )
  )
}

/** Ends by `shutdownTimeout`, whatever connections do. */
const shutdown = <A, E>(core: Core<A, E>): Effect.Effect<void> =>
  Effect.uninterruptible(Effect.suspend(() => {
    const at = now(core)
    const ticket = new Ticket(at, at + core.settings.shutdownTimeout)
    publish(core, (at) => PoolEvent.PoolClosing({ at }))
    return Effect.zipRight(
      Effect.zipRight(core.commit({ _tag: "Shutdown", ticket }), ticket.wait(() => Effect.void)),
      Effect.sync(() => {
        core.keeper.stop()
        publish(core, (at) => PoolEvent.PoolClosed({ at }))
        core.events.end()
      })
    )
  }))

/** Makes a pool that is closed with the Scope. */
export const make = <A, E, R>(
  options: Options<A, E, R>,
  history?: Allocator.History
): Effect.Effect<Core<A, E>, InvalidOptions | E | ConnectTimeout, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const settings = yield* Either.match(decode(options), { onLeft: Effect.fail, onRight: Effect.succeed })
      const scope = yield* Effect.scope
      const core = yield* makeCore(settings, history)
      yield* Effect.onExit(
        restore(start(core)),
        (exit) => Exit.isSuccess(exit) ? Scope.addFinalizer(scope, shutdown(core)) : shutdown(core)
      )
      return core
    })
  )
