/**
 * Sweeps: an operation is run again and again, and each time something happens at another one of its steps, those of the pool's
 * own fibers included, until no step is left.
 */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { decode } from "../../packages/core/src/model/settings.js"
import type { Core } from "../../packages/core/src/request/core.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"
import type { Fake, FakePool } from "../support/pool.js"
import type { AnyFiber, Policy } from "../support/schedulers.js"
import { inOrder, isTold, World } from "../support/schedulers.js"

/** How long a fiber that is paused "for long" stands still, in milliseconds: longer than any timeout of these tests. */
const LONG = 60_000

/** What happens at the step. */
export type Intervention =
  /** The target is interrupted, whoever's step it is. */
  | "interrupt"
  /** Whoever's step it is stands still until everybody else has done what there is to do; the target is interrupted. */
  | "interrupt while paused"
  /** Whoever's step it is stands still, for longer than the shutdownTimeout; the pool is closed. */
  | "close while paused"
  /** Whoever's step it is stands still for longer than any timeout. */
  | "pause for long"

class Aim implements Policy {
  private target: AnyFiber | undefined
  private steps = 0
  private onClose: () => void = () => {}
  hit = false

  constructor(private readonly at: number, private readonly intervention: Intervention) {}

  readonly turn = inOrder.turn
  readonly hurries = inOrder.hurries

  preempts(fiber: AnyFiber, world: World): boolean {
    if (this.target === undefined || ++this.steps !== this.at) return inOrder.preempts(fiber, world)
    this.hit = true
    const interrupt = () => this.target!.unsafeInterruptAsFork(FiberId.none)
    switch (this.intervention) {
      case "interrupt":
        interrupt()
        return false
      case "interrupt while paused":
        world.hold(fiber, 0)
        interrupt()
        return true
      case "close while paused":
        world.hold(fiber, LONG)
        this.onClose()
        return true
      case "pause for long":
        world.hold(fiber, LONG)
        return true
    }
  }

  /** Runs the target; its steps, and everybody else's until it ends, are those of the sweep. */
  on<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> {
    return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) => {
      this.target = fiber
      fiber.addObserver(() => {
        this.target = undefined
      })
      return Fiber.await(fiber)
    })
  }

  /** Whether the pool was closed by the intervention. */
  get closes(): boolean {
    return this.hit && this.intervention === "close while paused"
  }

  /** Whether those who stand behind the target may be late, because somebody stood still. */
  get delays(): boolean {
    return this.closes || (this.hit && this.intervention === "pause for long")
  }

  /** Ends when the pool is to be closed: never, but in the intervention that closes it. */
  get closing(): Effect.Effect<void> {
    return Effect.async((resume) => {
      if (this.closes) resume(Effect.void)
      else this.onClose = () => resume(Effect.void)
    })
  }
}

/** One run's pool, from the inside and the outside. */
export interface Scene {
  readonly aim: Aim
  readonly fake: Fake
  /** Makes the pool. */
  readonly make: Effect.Effect<Made, unknown, Scope.Scope>
}

export interface Made {
  readonly core: Core<FakeConnector.FakeConnection, FakeConnector.FakeError>
  readonly pool: FakePool
}

export interface Operation {
  readonly name: string
  readonly tuning?: PoolOptions.Tuning
  /** Default: all. */
  readonly interventions?: ReadonlyArray<Intervention>
  /** All of it; succeeds with what went wrong. */
  readonly run: (scene: Scene) => Effect.Effect<ReadonlyArray<string>, unknown>
}

const problemOf = (who: string, exit: Exit.Exit<unknown, unknown>): ReadonlyArray<string> =>
  Exit.isSuccess(exit) || [...Cause.defects(exit.cause)].every(isTold) ? [] : [`${who}: ${Cause.pretty(exit.cause)}`]

/** Long after: nobody holds or waits, and all of the capacity is there at once. */
const atRest = ({ core: { settings }, pool }: Made): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    yield* Effect.sleep(2 * LONG)
    const { checking, closing, leased, opening, resetting, waiting } = yield* pool.stats
    const busy = { leased, waiting, opening, checking, resetting, closing }
    const all = yield* Effect.exit(Effect.scoped(Effect.all(
      Array.from({ length: settings.rules.maxSize }, () => pool.lease({ acquireTimeout: "10 seconds" })),
      { concurrency: "unbounded" }
    )))
    return [
      ...Object.entries(busy).flatMap(([what, count]) => count === 0 ? [] : [`${count} ${what} at rest`]),
      ...Exit.isSuccess(all) ? [] : [`capacity is lost: ${Cause.pretty(all.cause)}`]
    ]
  })

/** What the target does to a pool, besides others, who are checked on afterwards. */
export const onPool = (options: {
  readonly name: string
  readonly tuning?: PoolOptions.Tuning
  readonly interventions?: ReadonlyArray<Intervention>
  readonly prepare?: (made: Made, fake: Fake) => Effect.Effect<Effect.Effect<ReadonlyArray<string>> | void, unknown>
  readonly act: (made: Made, fake: Fake, scope: Scope.CloseableScope) => Effect.Effect<unknown, unknown>
}): Operation => ({
  ...options,
  run: ({ aim, fake, make }) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const made = yield* Scope.extend(make, scope)
      const check = (yield* options.prepare?.(made, fake) ?? Effect.void) ?? Effect.succeed([])
      const closer = yield* Effect.forkDaemon(Effect.zipRight(aim.closing, Scope.close(scope, Exit.void)))
      const exit = yield* aim.on(options.act(made, fake, scope))
      if (aim.closes) yield* Fiber.join(closer)
      const { phase } = yield* made.pool.stats
      const unrest = phase === "running" ? yield* atRest(made) : []
      yield* Scope.close(scope, Exit.void)
      return [...problemOf("the target", exit), ...unrest, ...aim.delays ? [] : yield* check]
    })
})

const scenario = (operation: Operation, aim: Aim): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const options = { ...operation.tuning, connector: fake.connector }
    const settings = yield* decode(options)
    const ref = yield* TRef.make(List.empty<Entry>())
    const made = Effect.map(make(options, ref), (core) => ({ core, pool: fromCore(core) }))
    const problems = yield* operation.run({ aim, fake, make: made })
    // An interrupted close goes on without the one who asked for it, and somebody may stand still yet.
    yield* Effect.sleep(2 * LONG)
    const history = List.toArray(List.reverse(yield* TRef.get(ref)))
    const { alive, closing, opened } = yield* fake.counts
    const last = history.at(-1)?.state
    return [
      ...problems,
      ...opened === closing && alive === 0 ? [] : [`opened ${opened}, closed ${closing}, left open ${alive}`],
      ...last === undefined || last.phase._tag === "Closed" ? [] : [`the pool is ${last.phase._tag} in the end`],
      ...history.flatMap(({ input, state }) => brokenBy(state, input.now)),
      ...brokenIn(initial(settings.rules), history)
    ]
  })

export interface Swept {
  readonly steps: number
  /** What went wrong, by step. */
  readonly problems: ReadonlyArray<string>
}

/**
 * Runs the operation once for each of its steps, or for some, and once without. With `maxOps`, every fiber yields after so many
 * operations of its own.
 */
export const sweep = (
  operation: Operation,
  intervention: Intervention,
  { every = 1, maxOps = 2048 }: { readonly every?: number; readonly maxOps?: number } = {}
): Swept => {
  const problems: Array<string> = []
  for (let step = 1;; step += every) {
    const aim = new Aim(step, intervention)
    const world = new World(aim)
    const exit = world.run(Effect.withMaxOpsBeforeYield(scenario(operation, aim), maxOps))
    const found = Exit.isSuccess(exit) ? exit.value : [Cause.pretty(exit.cause)]
    problems.push(...[...found, ...world.defects].map((problem) => `step ${step}: ${problem}`))
    if (!aim.hit) return { steps: step - 1, problems }
  }
}
