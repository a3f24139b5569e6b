/** Random lives of an allocator: rules, and commands that find in the state they meet what they can be about. */
import * as fc from "fast-check"
import type { Verdict } from "../../packages/core/src/allocator/decision.js"
import { broken, keep, reset } from "../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { spentCount } from "../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Asker } from "../../packages/core/src/model/asker.js"
import type { CloseReason } from "../../packages/core/src/model/events.js"
import type { Priority } from "../../packages/core/src/model/options.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { Bench, Timeless } from "./bench.js"
import { fiberNamed, refusedConnection } from "./bench.js"

const duration = fc.constantFrom(1, 5, 20, 60, 200, Infinity)

/** What is off most often, so that one thing does not hide another. */
const sometimes = <A>(off: A, on: fc.Arbitrary<A>): fc.Arbitrary<A> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(off) }, { weight: 1, arbitrary: on })

export const anyRules: fc.Arbitrary<Rules> = fc.record({
  maxSize: fc.integer({ min: 1, max: 4 }),
  minSize: fc.integer({ min: 0, max: 3 }),
  minIdle: sometimes(0, fc.integer({ min: 1, max: 3 })),
  overload: sometimes<Rules["overload"]>(
    undefined,
    fc.record({ target: fc.constantFrom(4, 10, 30), interval: fc.constantFrom(1, 10, 100) })
  ),
  canCheck: fc.boolean(),
  maxLease: sometimes(Infinity, fc.constantFrom(1, 10, 50, 300)),
  leakThreshold: sometimes(Infinity, fc.constantFrom(1, 10, 50, 300)),
  maxWaiters: fc.constantFrom(0, 1, 3, Infinity),
  maxConnecting: fc.constantFrom(1, 2, Infinity),
  whenDown: fc.constantFrom("fail" as const, "wait" as const),
  idleTimeout: duration,
  maxLifetime: duration,
  lifetimeJitter: fc.constantFrom(0, 0.25, 1),
  maxUses: fc.constantFrom(1, 2, 5, Infinity),
  concurrency: sometimes(1, fc.constantFrom(2, 3)),
  checkAfterIdle: fc.constantFrom(0, 1, 10, 50, Infinity),
  keepalive: duration,
  order: fc.constantFrom("lifo" as const, "fifo" as const)
}).map((rules) => ({
  ...rules,
  minSize: Math.min(rules.minSize, rules.maxSize),
  minIdle: Math.min(rules.minIdle, rules.maxSize),
  checkAfterIdle: rules.canCheck ? rules.checkAfterIdle : Infinity
}))

/** Where each lease has its own connection: what the model knows. */
export const anyPlainRules: fc.Arbitrary<Rules> = anyRules.map((rules) => ({ ...rules, concurrency: 1 }))

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

const take = fc.record({
  _tag: fc.constant("Take" as const),
  within,
  priority: sometimes<Priority>("normal", fc.constantFrom("high", "low")),
  /** Which fiber asks: some fibers, so that one that holds a connection asks again; or one that is nobody else. */
  fiber: sometimes(-1, fc.nat({ max: 3 })),
  isLong: sometimes(false, fc.constant(true)),
  /** Where connections are shared. */
  isExclusive: sometimes(false, fc.constant(true))
})

/** A transaction of a user's takes what is ready. */
const claim = fc.record({ _tag: fc.constant("Claim" as const), fiber: sometimes(-1, fc.nat({ max: 3 })) })

/** What an operator does. */
const operation = fc.oneof(
  fc.record({ _tag: fc.constant("Clear" as const), abortLeases: fc.boolean() }),
  fc.record({ _tag: fc.constant("Recycle" as const), within: fc.constantFrom(0, 1, 25, 400) }),
  fc.record({
    _tag: fc.constant("Suspend" as const),
    newcomers: fc.constantFrom("wait" as const, "refuse" as const),
    lasts: fc.constantFrom(0, 5, 60, Infinity)
  }),
  fc.constant({ _tag: "Resume" as const }),
  fc.record({
    _tag: fc.constant("Resize" as const),
    sizes: fc.record({
      maxSize: fc.integer({ min: 1, max: 5 }),
      minSize: fc.integer({ min: 0, max: 5 }),
      minIdle: fc.integer({ min: 0, max: 3 })
    }, { requiredKeys: [] })
  })
)

const drain = fc.constant({ _tag: "Drain" as const })

const weighted = fc.oneof(
  { weight: 12, arbitrary: take },
  { weight: 3, arbitrary: claim },
  { weight: 2, arbitrary: operation },
  { weight: 1, arbitrary: fc.constant({ _tag: "Suspect" as const }) },
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

export type Command = Of<typeof weighted> | Of<typeof shutdown> | Of<typeof drain> | Of<typeof start>

/** More come than there are connections, and for a while another comes as soon as one has left; the last have little time. */
const rush: fc.Arbitrary<ReadonlyArray<Command>> = fc.record({
  callers: fc.integer({ min: 2, max: 14 }),
  every: fc.constantFrom(1, 8, 40, 150),
  patience: fc.constantFrom(1, 30, 500)
}).map(({ callers, every, patience }) => {
  const take = (within: number): Command => ({
    _tag: "Take",
    within,
    priority: "normal",
    fiber: -1,
    isLong: false,
    isExclusive: false
  })
  const step: Command = { _tag: "Step", pick: 0, succeeds: true, share: 0 }
  const times = (count: number, ...commands: ReadonlyArray<Command>) =>
    Array.from({ length: count }, () => commands).flat()
  return [
    ...times(6, take(Infinity)),
    ...times(4, step),
    ...times(callers, take(Infinity), { _tag: "Leave", pick: 0, verdict: keep }, { _tag: "Pass", ms: every }),
    ...times(2, take(patience))
  ]
})

/** One after the other, and now and then a rush. */
const commandsOf = (maxLength: number): fc.Arbitrary<ReadonlyArray<Command>> =>
  fc.array(
    fc.oneof({ weight: 30, arbitrary: weighted.map((command) => [command]) }, { weight: 1, arbitrary: rush }),
    { maxLength, size: "max" }
  ).map((commands) => commands.flat())

/**
 * The keeper sleeps through some of the time; or a commit comes with a time that was read a moment before that of the one before it: the
 * pool's time itself does not go back (request/Time.ts).
 */
export interface Jump {
  readonly _tag: "Jump"
  readonly ms: number
}

export const anyLife: fc.Arbitrary<ReadonlyArray<Command>> = fc.tuple(
  fc.option(start, { nil: undefined, freq: 5 }),
  commandsOf(60),
  fc.array(fc.tuple(fc.oneof(shutdown, drain), commandsOf(10)), { maxLength: 2 })
).map(([first, life, ends]) => [
  // As a pool is made: by Start or by Tick.
  first ?? { _tag: "Tick" },
  ...life,
  ...ends.flatMap(([end, after]) => [end, ...after])
])

export const anyDisturbedLife: fc.Arbitrary<ReadonlyArray<Command | Jump>> = fc.tuple(
  anyLife,
  fc.array(fc.tuple(pick, fc.constantFrom(-3, -1, 1, 5, 90, 700, 9_000)), { maxLength: 6 })
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

const fibers = Array.from({ length: 4 }, (_, index) => fiberNamed(`fiber ${index}`))

/** A fiber that waits cannot ask. */
const fiberOf = ({ queue }: Bench["state"], index: number): Asker | undefined => {
  const fiber = fibers[index]
  return WaitQueue.entries(queue).some(([, ticket]) => ticket.fiber === fiber) ? undefined : fiber
}

/** What a command is in the state that it meets: at most one input. */
export const inputsOf = (bench: Bench, command: Command): ReadonlyArray<Timeless> => {
  const { leased, nextTicket, phase, queue, upkeep } = bench.state
  // Until it is made, nobody has a pool to operate.
  const isMade = phase._tag !== "Starting"
  switch (command._tag) {
    case "Take": {
      const { isExclusive, isLong, priority, within } = command
      const mayShare = bench.state.rules.concurrency > 1 && !isExclusive
      const fiber = fiberOf(bench.state, command.fiber)
      return [{ _tag: "Take", ticket: bench.ticket({ within, priority, isLong, mayShare, fiber }) }]
    }
    case "Claim":
      return [{ _tag: "Claim", ticket: bench.ticket({ within: 0, fiber: fiberOf(bench.state, command.fiber) }) }]
    case "Leave":
      return one([...OrderedMap.keys(leased), ...WaitQueue.entries(queue).map(([number]) => number)], command.pick)
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
        ticket: bench.ticket()
      }]
    case "Shutdown":
      return [{ _tag: "Shutdown", ticket: bench.ticket({ within: command.within }) }]
    case "Clear":
    case "Recycle":
    case "Suspect":
      return [command]
    case "Suspend":
      return isMade
        ? [{ _tag: "Suspend", newcomers: command.newcomers, until: bench.now + command.lasts }]
        : []
    case "Resume":
    case "Resize":
      return isMade ? [command] : []
    case "Drain":
      return isMade ? [{ _tag: "Drain", ticket: bench.ticket() }] : []
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
    : { _tag: "Shutdown", ticket: bench.ticket() }
}
