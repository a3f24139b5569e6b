/** What an operator does to a pool, and how it ends. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Ticket } from "../allocator/Ticket.js"
import type { InvalidOptions } from "../model/errors.js"
import { PoolClosed } from "../model/errors.js"
import type { PoolSizes } from "../model/options.js"
import type { ClearOptions, CloseOptions, RecycleOptions, SuspendOptions } from "../model/pool.js"
import { decodeDuration, decodeFinite, decodeNewcomers, decodeSizes } from "../model/settings.js"
import type { Core, Timeless } from "./core.js"
import { now } from "./core.js"

type AnyCore = Core<any, any>

const operate = (core: AnyCore, input: Timeless): Effect.Effect<void, PoolClosed> =>
  Effect.flatMap(
    core.commit(input),
    (decision) => decision._tag === "Refuse" ? Effect.fail(new PoolClosed({ pool: core.settings.name })) : Effect.void
  )

const decoded = <A, E>(
  either: Either.Either<A, InvalidOptions>,
  next: (value: A) => Effect.Effect<void, E>
): Effect.Effect<void, E | InvalidOptions> => Either.match(either, { onLeft: Effect.fail, onRight: next })

export const resize = (core: AnyCore, input: PoolSizes): Effect.Effect<void, PoolClosed | InvalidOptions> =>
  decoded(decodeSizes(input), (sizes) => operate(core, { _tag: "Resize", sizes }))

export const clear = (core: AnyCore, { abortLeases = false }: ClearOptions = {}): Effect.Effect<void, PoolClosed> =>
  operate(core, { _tag: "Clear", abortLeases })

export const recycle = (core: AnyCore, input: RecycleOptions): Effect.Effect<void, PoolClosed | InvalidOptions> =>
  decoded(decodeFinite("within", input.within), (within) => operate(core, { _tag: "Recycle", within }))

export const suspend = (
  core: AnyCore,
  { duration = Duration.infinity, newcomers: input = "wait" }: SuspendOptions = {}
): Effect.Effect<void, PoolClosed | InvalidOptions> =>
  decoded(
    Either.all({ millis: decodeDuration("duration", duration), newcomers: decodeNewcomers(input) }),
    ({ millis, newcomers }) =>
      Effect.suspend(() => operate(core, { _tag: "Suspend", newcomers, until: now(core) + millis }))
  )

export const resume = (core: AnyCore): Effect.Effect<void, PoolClosed> => operate(core, { _tag: "Resume" })

/** Asks for the end, and waits for it. Whoever stops waiting changes nothing: it goes on. */
const awaitEnd = (core: AnyCore, tag: "Shutdown" | "Drain", millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const at = now(core)
    const ticket = new Ticket(at, at + millis)
    return Effect.zipRight(core.commit({ _tag: tag, ticket }), ticket.wait(() => Effect.void))
  })

export const close = (core: AnyCore, millis: number): Effect.Effect<void> => awaitEnd(core, "Shutdown", millis)

export const closeWithin = (core: AnyCore, options: CloseOptions = {}): Effect.Effect<void, InvalidOptions> =>
  decoded(
    decodeDuration("deadline", options.deadline ?? Duration.millis(core.settings.shutdownTimeout)),
    (millis) => close(core, millis)
  )

export const drain = (core: AnyCore): Effect.Effect<void> => awaitEnd(core, "Drain", Infinity)
