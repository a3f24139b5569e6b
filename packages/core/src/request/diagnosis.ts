/** Who has a connection, as a user is told. */
import * as FiberId from "effect/FiberId"
import type { Holder, Situation } from "../allocator/Ticket.js"
import type { LeaseInfo, Sizes } from "../model/stats.js"

/** Frames that say nothing of who called: Effect's own, and its generators'. */
const isNoise = (line: string): boolean => /[/\\]effect[/\\](src|dist)[/\\]|at Generator\.next/.test(line)

/** The callers of the pool: without the error's first line, and without the two frames of the pool. */
const framesOf = ({ stack = "" }: Error): string =>
  stack.split("\n").slice(3).filter((line) => !isNoise(line)).join("\n")

export const leaseInfo = ({ connection, fiber, lease, manner, since }: Holder, now: number): LeaseInfo => ({
  lease,
  connection,
  age: now - since,
  fiber: fiber === undefined ? undefined : FiberId.threadName(fiber.id()),
  // What it does now says more than what it did when it asked.
  span: fiber?.currentSpan?._tag === "Span" ? fiber.currentSpan.name : undefined,
  stack: manner.origin === undefined ? undefined : framesOf(manner.origin),
  isLong: manner.isLong
})

/** What of a situation all errors tell. */
export const diagnose = (
  { holders, returnRate, sizes }: Situation,
  at: number
): { readonly sizes: Sizes; readonly leases: ReadonlyArray<LeaseInfo>; readonly returnRate: number } => ({
  sizes,
  leases: holders.map((holder) => leaseInfo(holder, at)),
  returnRate
})
