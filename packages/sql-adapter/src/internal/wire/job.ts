import * as Effect from "effect/Effect"
import type { Work } from "./work.js"

/** A statement, from the call that asks for it to its answer. */
export abstract class Job<A, E> implements Work<E> {
  readonly isBounded = true
  private answer: Effect.Effect<A, E> | undefined
  private listener: ((answer: Effect.Effect<A, E>) => void) | undefined

  constructor(readonly sql: string, readonly whenLeft: "cancel" | "finish") {}

  get isAnswered(): boolean {
    return this.answer !== undefined
  }

  listen(listener: (answer: Effect.Effect<A, E>) => void): void {
    if (this.answer === undefined) this.listener = listener
    else listener(this.answer)
  }

  /** The first answer holds: a driver gives another when encoding a parameter failed. */
  protected resolve(answer: Effect.Effect<A, E>): void {
    if (this.answer !== undefined) return
    this.answer = answer
    this.listener?.(answer)
  }

  fail(error: E): void {
    this.resolve(Effect.fail(error))
  }

  leave(): "cancel" {
    return "cancel"
  }
}
