/** A run as text: no ticket, no cause, no fiber id, so that two runs can be compared and one can be read. */
import type { Sizes } from "@cenote/core/PoolStats"
import type { FakeConnector } from "@cenote/core/testing"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Decision, Input, Work } from "../../packages/core/src/allocator/decision.js"
import { sizes } from "../../packages/core/src/allocator/state.js"
import type { World } from "../support/schedulers.js"

export interface Line {
  readonly at: number
  readonly text: string
}

const inputOf = (input: Input): string => {
  switch (input._tag) {
    case "Take":
      return `Take until ${input.ticket.deadline}`
    case "Claim":
    case "Seat":
    case "Expel":
      return input._tag
    case "Bind":
      return input.isBound ? "Bind" : "Unbind"
    case "Leave":
      return `Leave #${input.number} ${input.verdict._tag}`
    case "Opened":
      return `Opened c${input.id}`
    case "OpenFailed":
      return `OpenFailed c${input.id}`
    case "Checked":
    case "ResetDone":
      return `${input._tag} c${input.id} ${input.passed ? "passed" : "failed"}`
    case "Closed":
      return `Closed c${input.id}${input.aborted ? " aborted" : ""}`
    case "Condemn":
      return `Condemn c${input.id} ${input.reason}`
    case "Start":
      return `Start ${input.target}`
    case "Shutdown":
      return `Shutdown until ${input.ticket.deadline}`
    case "Clear":
      return input.abortLeases ? "Clear, leases too" : "Clear"
    case "Recycle":
      return `Recycle within ${input.within}`
    case "Suspend":
      return `Suspend until ${input.until}, newcomers ${input.newcomers}`
    case "Resize":
      return `Resize ${JSON.stringify(input.sizes)}`
    case "Cede":
    case "Tick":
    case "Drain":
    case "Resume":
    case "Suspect":
      return input._tag
  }
}

const workOf = (work: Work): string => {
  switch (work._tag) {
    case "HandOver":
      return `hand over c${work.connection}`
    case "Deny":
      return `deny ${work.denial._tag}`
    case "Finish":
      return "finish"
    case "Gather":
      return "gather"
    case "Elsewhere":
      return `for key ${work.key}: ${work.work.map(workOf).join(", ")}`
    case "Gone":
      return `key ${work.key} is gone`
    case "Over":
      return "all keys are gone"
    case "Open":
      return `open c${work.id} for ${work.purpose}`
    case "Check":
      return `${work.step} c${work.id}`
    case "Reset":
      return `reset c${work.id}`
    case "Close":
      return `close c${work.id} ${work.reason}`
    case "Abort":
      return `abort c${work.holder.connection} ${work.reason}`
    case "Report":
      return `report #${work.holder.lease}`
    case "ReportEnd":
      return `#${work.holder.lease} came back`
    case "End":
      return "end"
    case "Announce":
      return `tell ${work.announcement._tag}`
    case "Abandon":
      return `abandon c${work.id}`
  }
}

const answerOf = (decision: Decision): string => {
  switch (decision._tag) {
    case "Reuse":
      return `reuse c${decision.connection} as #${decision.number}`
    case "Wait":
      return [`wait as #${decision.number}`, ...decision.work.map(workOf)].join(", ")
    case "Refuse":
      return [`refuse ${decision.denial._tag}`, ...decision.work.map(workOf)].join(", ")
    case "Act":
      return decision.work.length === 0 ? "nothing" : decision.work.map(workOf).join(", ")
  }
}

const sizesOf = (sizes: Sizes): string =>
  (["waiting", "opening", "idle", "leased", "checking", "resetting", "closing"] as const)
    .flatMap((name) => sizes[name] > 0 ? [`${sizes[name]} ${name}`] : [])
    .join(", ")

/** The commits in their order; what the server and the callers saw stands after those of the same time. */
export const trace = (
  history: ReadonlyArray<Entry>,
  log: ReadonlyArray<FakeConnector.LogEntry>,
  lines: ReadonlyArray<Line>,
  world: World
): ReadonlyArray<string> => {
  const commits = history.map(({ decision, input, state }): Line => ({
    at: input.now,
    text: `${inputOf(input)} → ${answerOf(decision)}   [${sizesOf(sizes(state))}]`
  }))
  const server = log.map(({ at, connection, event }): Line => ({ at, text: `    server: c${connection} ${event}` }))
  const told = lines.map(({ at, text }): Line => ({ at, text: `    ${text}` }))
  const all = [...commits, ...server, ...told]
  return [
    ...all
      .map((line, index) => ({ ...line, index }))
      .sort((a, b) => a.at - b.at || a.index - b.index)
      .map(({ at, text }) => `${String(at).padStart(6)} ms  ${text}`),
    `${world.operations} operations`
  ]
}
