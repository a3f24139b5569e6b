import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** The next rows; no error when there are no more. */
export type Read<E> = Effect.Effect<Chunk.Chunk<any>, Option.Option<E>>

export const endOfRows: Read<never> = Effect.fail(Option.none())

/** Whose turn a job is given, and who is told that nobody reads on. */
interface Turns<in J> {
  submit(job: J): void
  leave(job: J): void
}

/** Asked for when it is run, and left when its Scope closes. */
const opened = <J>(wire: Turns<J>, job: J): Effect.Effect<J, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      wire.submit(job)
      return job
    }),
    () => Effect.sync(() => wire.leave(job))
  )

/** The rows of a job that is made, and given its turn, each time the stream is run. */
export const rowsOf = <Row, E, J extends { readonly read: Read<E> }>(
  wire: Turns<J>,
  make: () => J
): Stream.Stream<Row, E> =>
  Stream.unwrapScoped(
    Effect.map(Effect.suspend(() => opened(wire, make())), (job) => Stream.repeatEffectChunkOption(job.read))
  )
