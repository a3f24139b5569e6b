/** What has its turn on a wire, and what is told to it. `E` is what it may fail with. */
export interface Work<in E> {
  readonly sql: string
  /** What becomes of it when nobody waits for it any more: a query is cancelled, the end of a transaction runs on. */
  readonly whenLeft: "cancel" | "finish"
  readonly isAnswered: boolean
  /** Whether the server alone decides how long it takes. */
  readonly isBounded: boolean
  fail(error: E): void
  /** Nobody waits any more for what the server has. Whether the server must be told to stop. */
  leave(): "cancel" | "ends"
}

/**
 * What became of asking the server, on another connection, to stop a query.
 *
 * - `NotSent`: the server never saw it.
 * - `Done`: the server has done it.
 * - `Unknown`: it was sent, and may still arrive.
 */
export type CancelOutcome = "NotSent" | "Done" | "Unknown"

/** Such a request on its way. */
export interface Cancel {
  /** Drops it if it was not sent yet, and tells whether it did. What was sent stays on its way. */
  readonly drop: () => boolean
}

/** In milliseconds. */
export interface Limits {
  /** How long what was left may take to settle. */
  readonly cancelTimeout: number
  /** After which a statement that is not answered is not waited for any more. */
  readonly answerTimeout: number | undefined
}
