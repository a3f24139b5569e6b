/** A process that measures: one case, or one contender's heap. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { cases } from "../cases/index.js"
import { cenote } from "../contenders/cenote.js"
import { contenders } from "../contenders/index.js"
import { weighAll } from "./heap.js"
import type { Message, Other, Request } from "./protocol.js"
import { time } from "./timing.js"

/** Has been sent when it ends: what follows may block this process. */
const tell = (message: Message): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.send?.(message, undefined, {}, () => resume(Effect.void))
  })

const from = (other: Other | undefined) =>
  other === undefined
    ? Effect.succeed(contenders)
    : Effect.map(Effect.promise(() => import(other.module)), (module) => [...contenders, ...cenote(module, other.name)])

const serve = (request: Request) => {
  switch (request._tag) {
    case "Time": {
      const work = cases.find(({ name }) => name === request.case)
      if (work === undefined) return Effect.dieMessage(`Bug in the benchmarks: no case ${request.case}`)
      return Effect.flatMap(from(request.other), (all) => time(work, all, request.entries, request.effort, tell))
    }
    case "Heap":
      return weighAll(contenders, request.contender, request.sizes, request.repeats, tell)
  }
}

const request = JSON.parse(process.argv[2] as string) as Request

// The parent has gone.
process.on("disconnect", () => process.exit(1))

Effect.runPromise(
  Effect.scoped(Effect.zipRight(serve(request), tell({ _tag: "Done" }))).pipe(
    Effect.catchAllCause((cause) => Effect.sync(() => console.error(Cause.pretty(cause))))
  )
).then(() => process.exit(0))
