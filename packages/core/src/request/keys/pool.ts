/** The public keyed pool, made of the parts of this layer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import { stats } from "../../allocator/Allocator.js"
import { keyedStats } from "../../allocator/keys/stats.js"
import type { Key, KeyedPool } from "../../model/keyed.js"
import { KeyedTypeId } from "../../model/keyed.js"
import { decodeDuration } from "../../model/settings.js"
import { originOf, use } from "../acquire.js"
import { get, invalidate, lease } from "../leases.js"
import { perform } from "../perform.js"
import type { KeyedCore } from "./KeyedCore.js"
import { withKey } from "./lookup.js"
import { awaitEnd } from "./make.js"

export const fromCore = <K extends Key, A, E>(all: KeyedCore<K, A, E>): KeyedPool<K, A, E> => ({
  [KeyedTypeId]: KeyedTypeId,
  name: all.settings.name,
  use: (key, f, options) => {
    const origin = originOf(all.settings)
    return withKey(all, key, (core) => use(core, f, options, origin))
  },
  get: (key) => {
    const origin = originOf(all.settings)
    return withKey(all, key, (core) => get(core, origin))
  },
  lease: (key, options) => {
    const origin = originOf(all.settings)
    return withKey(all, key, (core) => lease(core, options, origin))
  },
  invalidate: (connection) =>
    Effect.suspend(() =>
      Effect.forEach([...all.byId.values()], (core) => invalidate(core, connection), { discard: true })
    ),
  forget: (key) =>
    Effect.uninterruptible(Effect.suspend(() => {
      const core = all.find(key)
      return core === undefined
        ? Effect.void
        : Effect.map(all.allocator.forget(core.id, all.time.now()), (decision) => perform(core, decision))
    })),
  keys: Effect.sync(() => [...MutableHashMap.keys(all.known)]),
  stats: Effect.map(all.allocator.snapshot, (keys) => keyedStats(all.settings, MutableHashMap.size(all.known), keys)),
  statsOf: (key) =>
    Effect.suspend(() => {
      const core = all.find(key)
      return core === undefined
        ? Effect.succeedNone
        : Effect.map(core.allocator.snapshot, (state) => Option.some(stats(core.settings.name, state, all.time.now())))
    }),
  events: all.events.stream,
  drain: awaitEnd(all, "Drain", Infinity),
  close: (options) =>
    Either.match(decodeDuration("deadline", options?.deadline ?? Duration.millis(all.settings.shutdownTimeout)), {
      onLeft: Effect.fail,
      onRight: (millis) => awaitEnd(all, "Shutdown", millis)
    }),
  pipe() {
    return pipeArguments(this, arguments)
  }
})
