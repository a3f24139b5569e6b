/** What a pool on Effect is made of, alone. */
import * as Effect from "effect/Effect"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import type { EffectContender, Use } from "../model.js"
import { canAll, Connection } from "../model.js"

const part = (name: string, make: Effect.Effect<Use>): EffectContender => ({
  _tag: "Effect",
  name,
  role: "Part",
  can: canAll,
  make: () => make
})

/** A commit that changes a number. */
const commit = Effect.map(STM.commit(TRef.make(0)), (ref) => () => STM.commit(TRef.modify(ref, (n) => [n, n + 1])))

const connection = new Connection()
const acquired = Effect.succeed(connection)

const acquireUseRelease = part(
  "`acquireUseRelease`",
  Effect.succeed((body) => Effect.acquireUseRelease(acquired, body, () => Effect.void))
)

const scoped = part(
  "`scoped(acquireRelease)`",
  Effect.succeed((body) => Effect.scoped(Effect.flatMap(Effect.acquireRelease(acquired, () => Effect.void), body)))
)

const twoCommits = part(
  "two commits",
  Effect.map(commit, (change) => (body) => Effect.zipRight(change(), Effect.zipRight(change(), body(connection))))
)

const floor = part(
  "floor: `acquireUseRelease` of two commits",
  Effect.map(
    commit,
    (change) => (body) => Effect.acquireUseRelease(change(), () => body(connection), change)
  )
)

export const contenders = [acquireUseRelease, scoped, twoCommits, floor]
