/** A pool's beginning and end. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Allocator from "../allocator/Allocator.js"
import { Ticket } from "../allocator/Ticket.js"
import type { ConnectTimeout, InvalidOptions } from "../model/errors.js"
import type { Options } from "../model/options.js"
import type { Settings } from "../model/settings.js"
import { decode } from "../model/settings.js"
import { gather } from "./all.js"
import { commit } from "./commit.js"
import type { Core } from "./core.js"
import { now } from "./core.js"
import { Events } from "./events.js"
import { InOrder } from "./InOrder.js"
import { Keeper } from "./Keeper.js"
import { close } from "./operations.js"
import { startAll, suspect } from "./perform.js"
import { Time } from "./Time.js"

/** A pool that is nobody's key. */
export interface PlainCore<A, E> extends Core<A, E> {
  readonly events: Events
}

const makeCore = <A, E, R>(
  settings: Settings<A, E, R>,
  history: Allocator.History | undefined
): Effect.Effect<PlainCore<A, E>, never, R> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<R>()
    const allocator = yield* Allocator.make(settings.rules, history)
    const time = new Time(clock)
    const keeper = new Keeper(
      time,
      (effect) => Runtime.runFork(runtime)(Effect.interruptible(effect), { immediate: false }),
      Effect.suspend(() => commit(core, { _tag: "Tick" }))
    )
    const core: PlainCore<A, E> = {
      settings,
      allocator,
      time,
      runtime,
      resources: new Map(),
      workers: new Map(),
      keeper,
      events: new Events(),
      work: new InOrder((work) => startAll(core, work)),
      elsewhere: constVoid,
      afterJump: Effect.suspend(() => {
        keeper.clear()
        return suspect(core, "Clock")
      }),
      gather: Effect.suspend(() => gather(core)),
      commit: (input) => commit(core, input)
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
  Effect.uninterruptible(close(core, core.settings.shutdownTimeout))

/** Makes a pool that is closed with the Scope. */
export const make = <A, E, R>(
  options: Options<A, E, R>,
  history?: Allocator.History
): Effect.Effect<PlainCore<A, E>, InvalidOptions | E | ConnectTimeout, Exclude<R, Scope.Scope> | Scope.Scope> =>
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
