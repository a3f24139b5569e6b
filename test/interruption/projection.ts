/** What a commit was, as plain data: no ticket, no cause, no fiber id, so that two runs can be compared. */
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Decision, Input, Work } from "../../packages/core/src/allocator/decision.js"
import { sizes } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"

type Plain = string | number | boolean | null | undefined | ReadonlyArray<Plain> | { readonly [key: string]: Plain }

const plain = (value: unknown): Plain => {
  if (value instanceof Ticket) return { since: value.since, deadline: String(value.deadline) }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).filter(([key]) => key !== "cause" && key !== "lastConnectFailure").map((
        [key, value]
      ) => [key, plain(value)])
    )
  }
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value as Plain
}

export const project = ({ decision, input, state }: Entry): Plain =>
  plain(
    { input, decision, sizes: sizes(state), phase: state.phase._tag } satisfies {
      readonly input: Input
      readonly decision: Decision | { readonly work: ReadonlyArray<Work> }
      readonly sizes: object
      readonly phase: string
    }
  )
