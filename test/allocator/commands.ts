/** Random lives of an allocator: rules, and commands that find in the state they meet what they can be about. */
import * as fc from "fast-check"
import type { Verdict } from "../../packages/core/src/allocator/decision.js"
import { broken, keep, reset } from "../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { spentCount } from "../../packages/core/src/allocator/state.js"
import type { CloseReason } from "../../packages/core/src/model/events.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { Bench, Timeless } from "./bench.js"
import { refusedConnection } from "./bench.js"

const duration = fc.constantFrom(1, 5, 20, 60, 200, Infinity)

export const anyRules: fc.Arbitrary<Rules> = fc.record({
  maxSize: fc.integer({ min: 1, max: 4 }),
  minSize: fc.integer({ min: 0, max: 3 }),
  maxWaiters: fc.constantFrom(0, 1, 3, Infinity),
  maxConnecting: fc.constantFrom(1, 2, Infinity),
  whenDown: fc.constantFrom("fail" as const, "wait" as const),
  idleTimeout: duration,
  maxLifetime: duration,
  lifetimeJitter: fc.constantFrom(0, 0.25, 1),
  maxUses: fc.constantFrom(1, 2, 5, Infinity),
  checkAfterIdle: fc.constantFrom(0, 1, 10, 50, Infinity),
  keepalive: duration,
  order: fc.constantFrom("lifo" as const, "fifo" as const)
}).map((rules) => ({ ...rules, minSize: Math.min(rules.minSize, rules.maxSize) }))

const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(keep) },
  { weight: 1, arbitrary: fc.constant(reset) },
  { weight: 1, arbitrary: fc.constant(broken) }
)

const reason: fc.Arbitrary<CloseReason> = fc.constantFrom("Lost", "Invalidated")

/** Which of several, whatever their number will be. */
const pick = fc.nat({ max: 1_000 })

const share = fc.constantFrom(0, 0.3, 0.5, 1)

const within = fc.constantFrom(0, 0, 1, 7, 30, 500, Infinity)

/** A step that a connection is busy with ends. */
const step = fc.record({
  _tag: fc.constant("Step" as const),
  pick,
  succeeds: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  share
})

const pass = fc.record({ _tag: fc.constant("Pass" as const), ms: fc.constantFrom(0, 1, 1, 4, 10, 50, 300, 10_000) })

const weighted = fc.oneof(
  { weight: 12, arbitrary: fc.record({ _tag: fc.constant("Take" as const), within }) },
  { weight: 12, arbitrary: step },
  { weight: 8, arbitrary: fc.record({ _tag: fc.constant("Leave" as const), pick, verdict }) },
  { weight: 6, arbitrary: pass },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("LeaveAgain" as const), pick, verdict }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Overtaken" as const), pick, succeeds: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Condemn" as const), pick, reason }) },
  { weight: 1, arbitrary: fc.constant({ _tag: "Tick" as const }) }
)

const shutdown = fc.record({ _tag: fc.constant("Shutdown" as const), within: fc.constantFrom(0, 20, Infinity) })

const start = fc.record({ _tag: fc.constant("Start" as const), target: fc.integer({ min: 1, max: 4 }) })

type Of<T> = T extends fc.Arbitrary<infer A> ? A : never

export type Command = Of<typeof weighted> | Of<typeof shutdown> | Of<typeof start>

/** The clock is set without the keeper noticing: it sleeps through some of the time, or the clock goes back. */
export interface Jump {
  readonly _tag: "Jump"
  readonly ms: number
}

const lifeOf = (command: fc.Arbitrary<Command>): fc.Arbitrary<ReadonlyArray<Command>> =>
  fc.tuple(
    fc.option(start, { nil: undefined, freq: 5 }),
    fc.array(command, { maxLength: 60, size: "max" }),
    fc.option(fc.tuple(shutdown, fc.array(command, { maxLength: 10, size: "max" })), { nil: undefined, freq: 2 })
  ).map(([first, life, end]) => [
    ...first === undefined ? [] : [first],
    ...life,
    ...end === undefined ? [] : [end[0], ...end[1]]
  ])

export const anyLife: fc.Arbitrary<ReadonlyArray<Command>> = lifeOf(weighted)

export const anyDisturbedLife: fc.Arbitrary<ReadonlyArray<Command | Jump>> = fc.tuple(
  anyLife,
  fc.array(fc.tuple(pick, fc.constantFrom(-500, -3, 1, 5, 90, 700, 9_000)), { maxLength: 6 })
).map(([life, jumps]) => {
  const disturbed: Array<Command | Jump> = [...life]
  for (const [place, ms] of jumps) disturbed.splice(place % (disturbed.length + 1), 0, { _tag: "Jump", ms })
  return disturbed
})

/** What ends the step that a connection is busy with. */
const ends = ({ steps }: Bench["state"], succeeds: boolean, share: number): ReadonlyArray<Timeless> => [
  ...OrderedMap.keys(steps.opening).map((id): Timeless =>
    succeeds
      ? { _tag: "Opened", id, spread: share }
      : { _tag: "OpenFailed", id, cause: refusedConnection, jitter: share }
  ),
  ...[...OrderedMap.keys(steps.checking), ...OrderedMap.keys(steps.probing)]
    .map((id): Timeless => ({ _tag: "Checked", id, passed: succeeds })),
  ...OrderedMap.keys(steps.resetting).map((id): Timeless => ({ _tag: "ResetDone", id, passed: succeeds })),
  ...OrderedMap.keys(steps.closing).map((id): Timeless => ({ _tag: "Closed", id, aborted: !succeeds }))
]

/** Ends of steps that a connection is not busy with: they come too late. */
const overtaken = ({ steps, upkeep }: Bench["state"], succeeds: boolean): ReadonlyArray<Timeless> =>
  Array.from({ length: upkeep.nextConnection }, (_, id) => id).flatMap((id): ReadonlyArray<Timeless> => [
    ...OrderedMap.has(steps.opening, id) ? [] : [
      { _tag: "Opened", id, spread: 0 } as const,
      { _tag: "OpenFailed", id, cause: refusedConnection, jitter: 0 } as const
    ],
    ...OrderedMap.has(steps.checking, id) || OrderedMap.has(steps.probing, id)
      ? []
      : [{ _tag: "Checked", id, passed: succeeds } as const],
    ...OrderedMap.has(steps.resetting, id) ? [] : [{ _tag: "ResetDone", id, passed: succeeds } as const],
    ...OrderedMap.has(steps.closing, id) ? [] : [{ _tag: "Closed", id, aborted: !succeeds } as const]
  ])

const one = <A>(values: ReadonlyArray<A>, pick: number): ReadonlyArray<A> =>
  values.length === 0 ? [] : [values[pick % values.length]!]

/** What a command is in the state that it meets: at most one input. */
export const inputsOf = (bench: Bench, command: Command): ReadonlyArray<Timeless> => {
  const { leased, nextTicket, phase, queue, upkeep } = bench.state
  switch (command._tag) {
    case "Take":
      return [{ _tag: "Take", ticket: bench.ticket(command.within) }]
    case "Leave":
      return one([...OrderedMap.keys(leased), ...OrderedMap.keys(queue.tickets)], command.pick)
        .map((number) => ({ _tag: "Leave", number, verdict: command.verdict }))
    case "LeaveAgain":
      return nextTicket === 0
        ? []
        : [{ _tag: "Leave", number: command.pick % nextTicket, verdict: command.verdict }]
    case "Step":
      return one(ends(bench.state, command.succeeds, command.share), command.pick)
    case "Overtaken":
      return one(overtaken(bench.state, command.succeeds), command.pick)
    case "Condemn":
      return upkeep.nextConnection === 0
        ? []
        : [{ _tag: "Condemn", id: command.pick % upkeep.nextConnection, reason: command.reason }]
    case "Tick":
      return [{ _tag: "Tick" }]
    case "Pass":
      return []
    case "Start":
      return [{
        _tag: "Start",
        target: Math.min(command.target, bench.state.rules.maxSize),
        ticket: bench.ticket(Infinity)
      }]
    case "Shutdown":
      return phase._tag === "Closing" || phase._tag === "Closed"
        ? []
        : [{ _tag: "Shutdown", ticket: bench.ticket(command.within) }]
  }
}

/** Ends every step, gives back every lease and shuts down, until nothing is left to end. */
export const inputToRest = (bench: Bench): Timeless | undefined => {
  const { leased, phase } = bench.state
  const number = OrderedMap.firstKey(leased)
  if (number !== undefined) return { _tag: "Leave", number, verdict: keep }
  const [end] = ends(bench.state, true, 0)
  if (end !== undefined) return end
  return phase._tag === "Closed" || (phase._tag === "Closing" && spentCount(bench.state) === 0)
    ? undefined
    : { _tag: "Shutdown", ticket: bench.ticket(Infinity) }
}
