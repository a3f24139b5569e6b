import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SqliteQueryError } from "../../SqliteError.js"
import type { Call, Work } from "./job.js"
import type { Reading } from "./reading.js"
import { nextTurn } from "./turn.js"

type Read = Effect.Effect<Chunk.Chunk<any>, Option.Option<SqliteQueryError>>

const end: Read = Effect.fail(Option.none())

/** As many as a PgConnection asks for. */
export const defaultChunkSize = 128

/** How long the event loop is held up by one chunk, about. */
const longEnough = 1_000_000n
const tooLong = 5_000_000n

/**
 * A statement whose rows are read some at a time. It has its turn until its rows have ended, it failed, or nobody reads on.
 *
 * - `Waiting`: for its turn and its first row; somebody may wait for them already.
 * - `Reading`: it has rows left.
 * - `Ended`: all rows were read, or it failed: with what a reader gets from then on.
 */
type Life =
  | { readonly _tag: "Waiting" }
  | {
    readonly _tag: "Reading"
    readonly reading: Reading
    readonly ended: () => void
    readonly failed: (error: unknown) => void
  }
  | { readonly _tag: "Ended"; readonly read: Read }

export class CursorJob implements Work {
  readonly way = "stepped"
  /** The second may be far behind the first. */
  readonly firstRows = 1
  readonly whenLeft = "interrupt"
  private life: Life = { _tag: "Waiting" }
  private reader: ((read: Read) => void) | undefined
  private size = 1

  constructor(readonly call: Call, private readonly chunkSize: number, private readonly nanos: () => bigint) {}

  get isAnswered(): boolean {
    return this.life._tag === "Ended"
  }

  use(reading: Reading): Promise<void> {
    return new Promise((ended, failed) => {
      if (this.life._tag === "Ended") return ended()
      this.life = { _tag: "Reading", reading, ended, failed }
      if (this.reader !== undefined) this.fetch()
    })
  }

  /** The next rows. One reader at a time. The event loop has its turn in between. */
  readonly read: Read = Effect.async((resume) => {
    const { life } = this
    if (life._tag === "Ended") return resume(life.read)
    this.reader = resume
    if (life._tag === "Reading") void nextTurn().then(() => this.fetch())
  })

  private fetch(): void {
    const { life, size } = this
    if (life._tag !== "Reading") return
    const { ended, failed, reading } = life
    const since = this.nanos()
    let rows: ReadonlyArray<object>
    try {
      rows = reading.next(size)
    } catch (error) {
      return failed(error)
    }
    const taken = this.nanos() - since
    if (taken > tooLong) this.size = Math.max(1, size >> 1)
    else if (taken < longEnough) this.size = Math.min(this.chunkSize, size * 2)
    if (reading.isEnded) {
      this.life = { _tag: "Ended", read: end }
      ended()
    }
    this.answer(rows.length === 0 ? end : Effect.succeed(Chunk.unsafeFromArray(rows)))
  }

  private answer(read: Read): void {
    const { reader } = this
    this.reader = undefined
    reader?.(read)
  }

  succeed(): void {
    this.stop(end)
  }

  fail(error: SqliteQueryError): void {
    this.stop(Effect.fail(Option.some(error)))
  }

  leave(): void {
    this.stop(end)
  }

  private stop(read: Read): void {
    const { life } = this
    if (life._tag === "Ended") return
    this.life = { _tag: "Ended", read }
    if (life._tag === "Reading") life.ended()
    this.answer(read)
  }
}

interface Line {
  submit(work: Work): void
  leave(work: Work): void
}

/** Asked for when it is run, and left when its Scope closes. */
const opened = (line: Line, job: CursorJob): Effect.Effect<CursorJob, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      line.submit(job)
      return job
    }),
    () => Effect.sync(() => line.leave(job))
  )

/** `make` gives nothing where there is nothing to run. */
export const cursorStream = <Row>(
  line: Line,
  make: Effect.Effect<CursorJob | undefined, SqliteQueryError>
): Stream.Stream<Row, SqliteQueryError> =>
  Stream.unwrapScoped(
    Effect.flatMap(make, (job) =>
      job === undefined
        ? Effect.succeed(Stream.empty)
        : Effect.map(opened(line, job), (job) => Stream.repeatEffectChunkOption(job.read)))
  )
