import type { SqlError } from "@effect/sql/SqlError"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export type TransformRows = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

export const transformed = (
  rows: Effect.Effect<ReadonlyArray<any>, SqlError>,
  transform: TransformRows
): Effect.Effect<ReadonlyArray<any>, SqlError> => transform === undefined ? rows : Effect.map(rows, transform)

export const transformedStream = (
  rows: Stream.Stream<any, SqlError>,
  transform: TransformRows
): Stream.Stream<any, SqlError> =>
  transform === undefined
    ? rows
    : Stream.mapChunks(rows, (chunk) => Chunk.unsafeFromArray(transform(Chunk.toReadonlyArray(chunk))))
