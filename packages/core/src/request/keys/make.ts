/** A keyed pool's beginning and end. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Scope from "effect/Scope"
import type { KeysHistory } from "../../allocator/keys/KeysAllocator.js"
import * as KeysAllocator from "../../allocator/keys/KeysAllocator.js"
import { Ticket } from "../../allocator/Ticket.js"
import type { InvalidOptions } from "../../model/errors.js"
import type { KeyedOptions } from "../../model/keyed.js"
import { decodeKeyed } from "../../model/keyedSettings.js"
import { Time } from "../Time.js"
import { KeyedCore } from "./KeyedCore.js"

/** Asks for the end, and waits for it. Whoever stops waiting changes nothing: it goes on. */
export const awaitEnd = (
  all: KeyedCore<any, any, any>,
  how: "Drain" | "Shutdown",
  millis: number
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const at = all.time.now()
    const ticket = new Ticket(at, at + millis)
    const ask = Effect.map(all.allocator.end(how, at, ticket), (decision) => all.perform(decision))
    return Effect.zipRight(Effect.uninterruptible(ask), ticket.wait(() => Effect.void))
  })

/** Makes a pool that is closed with the Scope. */
export const make = <K, A, E, R>(
  options: KeyedOptions<K, A, E, R>,
  history?: KeysHistory
): Effect.Effect<KeyedCore<K, A, E>, InvalidOptions, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.uninterruptible(Effect.gen(function*() {
    const settings = yield* Either.match(decodeKeyed(options), { onLeft: Effect.fail, onRight: Effect.succeed })
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<Exclude<R, Scope.Scope>>()
    const { keyIdleTimeout, maxTotal } = settings
    const allocator = yield* KeysAllocator.make({ keyIdleTimeout, maxTotal }, history)
    const all = new KeyedCore<K, A, E>(settings, allocator, new Time(clock), runtime)
    yield* Scope.addFinalizer(scope, Effect.uninterruptible(awaitEnd(all, "Shutdown", settings.shutdownTimeout)))
    return all
  }))
