/**
 * The allocator's promises that show only over time, each as a sentence and a check on the recorded history: the inputs, the
 * decisions, and the states between them, in order of the commits.
 */
import type { Entry } from "./Allocator.js"
import { holders, isStuck } from "./invariants.js"
import * as Line from "./Line.js"
import * as OrderedMap from "./OrderedMap.js"
import type { HistoryInvariant, Step } from "./recorded.js"
import { begun, begunInOrder, firstProblem, stepsOf, workOf } from "./recorded.js"
import { shedding } from "./shedding.js"
import type { State } from "./state.js"
import { isClosing, openCount, spentCount } from "./state.js"
import { heldBefore } from "./turns.js"
import * as WaitQueue from "./WaitQueue.js"

/** The tickets that wait. */
const waiting = ({ queue }: State): ReadonlyArray<number> => WaitQueue.entries(queue).map(([number]) => number)

/** The tickets that hold a connection. */
const holding = ({ leased }: State): ReadonlyArray<number> => OrderedMap.keys(leased)

const permitsOfSize: HistoryInvariant = {
  number: 1,
  sentence: "no more permits are spent than maxSize; what a resize has made too many of only shrinks",
  broken: (initial, history) =>
    firstProblem(stepsOf(initial, history), ({ before, state }) => {
      const spent = spentCount(state)
      return spent > state.rules.maxSize && spent > spentCount(before)
        ? `${spent} permits of ${state.rules.maxSize} are spent`
        : undefined
    })
}

const permitsOnce: HistoryInvariant = {
  number: 3,
  sentence: "each permit taken is given back once: a connection that has given its own back never holds one again",
  broken: (initial, history) => {
    const gone = new Set<number>()
    return firstProblem(stepsOf(initial, history), ({ before, state }) => {
      const now = new Set(holders(state))
      for (const id of holders(before)) if (!now.has(id)) gone.add(id)
      const back = [...now].find((id) => gone.has(id))
      return back === undefined ? undefined : `connection ${back} holds a permit again after it gave it back`
    })
  }
}

/** Whether the connection of a lease is that of others, too. */
const isJoined = ({ leased, shared }: State, number: number): boolean =>
  (OrderedMap.get(shared, OrderedMap.get(leased, number)!.connection.id)?.holders ?? 1) > 1

const inOrder: HistoryInvariant = {
  number: 4,
  sentence:
    "waiters are served in order of arrival within their class, the classes by the turns of their first, and a newcomer never overtakes",
  broken: (initial, history) =>
    firstProblem(stepsOf(initial, history), (step) => {
      const served = begunInOrder(step)
      return firstProblem(served, (lease) => {
        const { number, ticket } = lease
        // Who was served after it in the same step still waited then.
        const queue = served.slice(served.indexOf(lease) + 1)
          .reduce((queue, later) => WaitQueue.push(queue, later.number, later.ticket), step.state.queue)
        const passed = WaitQueue.priorities.flatMap((priority) => {
          // Who shares a connection may pass who waits for an empty one, and seats may be passed.
          const line = queue[priority]
          const first = isJoined(step.state, number) ? Line.firstToShare(line) : Line.firstWithoutSeat(line)
          if (first === undefined) return []
          const isPassed = priority === ticket.priority
            ? first < number
            : Line.get(line, first)!.turn < ticket.turn
          return isPassed ? [first] : []
        })
        return passed.length === 0 ? undefined : `ticket ${number} was served before ticket ${passed[0]}`
      })
    })
}

const passedSeldom: HistoryInvariant = {
  number: 17,
  sentence: "who waits for an empty connection is passed by at most 20 × concurrency that came after it",
  broken: (initial, history) => {
    const passed = new Map<number, number>()
    return firstProblem(stepsOf(initial, history), (step) => {
      const limit = 20 * step.state.rules.concurrency
      const alone = WaitQueue.entries(step.state.queue).filter(([, { manner: { mayShare, party } }]) =>
        !mayShare && party === undefined
      )
      return firstProblem(begun(step), ({ number, ticket }) =>
        firstProblem(alone, ([first, { priority }]) => {
          if (number < first || ticket.priority !== priority) return undefined
          const count = (passed.get(first) ?? 0) + 1
          passed.set(first, count)
          return count > limit
            ? `ticket ${first} waits for an empty connection, and was passed ${count} times`
            : undefined
        }))
    })
  }
}

const heldFor: HistoryInvariant = {
  number: 18,
  sentence: "nobody gets a connection that is held for a seat that came before it",
  broken: (initial, history) =>
    firstProblem(
      stepsOf(initial, history),
      ({ before, ...step }) =>
        firstProblem(begun({ ...step, before }), ({ number, ticket }) => {
          const held = heldBefore(before, number, ticket)
          // Others may have got what was idle, but never what is held, or is being checked for it.
          const left = Math.min(held, heldBefore(step.state, number, ticket))
          return left > step.state.idle.places.size + step.state.steps.checking.size && !isJoined(step.state, number)
            ? `ticket ${number} got a connection of ${left} that are held`
            : undefined
        })
    )
}

const closedOnce: HistoryInvariant = {
  number: 6,
  sentence: "each opened connection is closed exactly once",
  broken: (initial, history) => {
    const opened = new Set<number>()
    const ended = new Set<number>()
    for (const step of stepsOf(initial, history)) {
      const { before, input } = step
      if (input._tag === "Opened" && OrderedMap.has(before.steps.opening, input.id)) opened.add(input.id)
      for (const work of workOf(step)) {
        if (work._tag !== "Close" && (work._tag !== "Abandon" || ended.has(work.id))) continue
        if (ended.has(work.id)) return `connection ${work.id} was closed twice`
        ended.add(work.id)
      }
    }
    const last = history.at(-1)?.state ?? initial
    if (last.phase._tag !== "Closed") return undefined
    const left = [...opened].find((id) => !ended.has(id))
    return left === undefined ? undefined : `connection ${left} was never closed`
  }
}

const ofToday: HistoryInvariant = {
  number: 7,
  sentence:
    "nothing from before a Clear is handed out after it, and nothing from before a Recycle is handed out or idle when its time is over",
  broken: (initial, history) => {
    let cleared = 0
    const recycled: Array<{ readonly below: number; readonly by: number }> = []
    return firstProblem(stepsOf(initial, history), (step) => {
      const { before, decision, input, state } = step
      const below = before.upkeep.nextConnection
      if (input._tag === "Clear" && decision._tag === "Act") cleared = below
      if (input._tag === "Recycle" && decision._tag === "Act") recycled.push({ below, by: input.now + input.within })
      const isOver = (id: number) => recycled.some((it) => id < it.below && input.now >= it.by)
      const handed = begun(step).map(({ connection }) => connection.id)
      const old = handed.find((id) => id < cleared)
      if (old !== undefined) return `connection ${old} was handed out after it was cleared`
      const late = handed.find(isOver)
      if (late !== undefined) return `connection ${late} was handed out after it was to be recycled`
      const idle = OrderedMap.values(state.idle.places).find(({ connection }) => isOver(connection.id))
      return idle === undefined || input._tag !== "Tick"
        ? undefined
        : `connection ${idle.connection.id} is idle after it was to be recycled`
    })
  }
}

const endsInTime: HistoryInvariant = {
  number: 8,
  sentence: "closing the pool ends by its deadline",
  broken: (initial, history) =>
    firstProblem(
      stepsOf(initial, history),
      ({ input, state }) =>
        state.phase._tag === "Closing" && input._tag === "Tick" && input.now >= state.phase.deadline
          ? `the pool was still closing at its deadline, with ${openCount(state)} open`
          : undefined
    )
}

const leaversGetNothing: HistoryInvariant = {
  number: 9,
  sentence: "a caller that leaves gets nothing afterwards, and the others keep their order",
  broken: (initial, history) => {
    const left = new Set<number>()
    return firstProblem(stepsOf(initial, history), ({ input, state }) => {
      if (input._tag === "Leave") left.add(input.number)
      const late = holding(state).find((number) => left.has(number))
      if (late !== undefined) return `ticket ${late} holds a connection after it had left`
      const returned = waiting(state).find((number) => left.has(number))
      return returned === undefined ? undefined : `ticket ${returned} waits after it had left`
    })
  }
}

const suspended: HistoryInvariant = {
  number: 10,
  sentence: "while a pool is suspended nobody is handed anything, and no opening, check or ping begins",
  broken: (initial, history) =>
    firstProblem(stepsOf(initial, history), (step) => {
      if (step.state.phase._tag !== "Suspended") return undefined
      const [lease] = begun(step)
      if (lease !== undefined) return `ticket ${lease.number} was served by a pool that is suspended`
      const work = workOf(step).find(({ _tag }) => _tag === "Open" || _tag === "Check")
      return work === undefined ? undefined : `a pool that is suspended began a step: ${work._tag}`
    })
}

const deadlocked: HistoryInvariant = {
  number: 11,
  sentence:
    "a caller is told of a deadlock only where its own fiber holds a connection, every permit is leased, and every holder's own fiber waits for another one",
  broken: (initial, history) =>
    firstProblem(stepsOf(initial, history), (step) =>
      firstProblem(workOf(step), (work) => {
        if (work._tag !== "Deny" || work.denial._tag !== "Deadlock") return undefined
        const { fiber } = work.ticket
        if (!OrderedMap.some(step.state.leased, ({ ticket }) => ticket.fiber === fiber)) {
          return "a caller was told of a deadlock that holds nothing"
        }
        return isStuck(step.state, [work.ticket]) ? undefined : "a caller was told of a deadlock that there was not"
      }))
}

const inTime: HistoryInvariant = {
  number: 13,
  sentence: "nobody is served after its deadline",
  broken: (initial, history) =>
    firstProblem(
      stepsOf(initial, history),
      (step) =>
        firstProblem(begun(step), ({ number, ticket }) =>
          step.input.now > ticket.deadline
            ? `ticket ${number} was served ${step.input.now - ticket.deadline} ms after its deadline`
            : undefined)
    )
}

const takesNobody: HistoryInvariant = {
  number: 14,
  sentence: "a pool that drains or closes takes nobody",
  broken: (initial, history) =>
    firstProblem(
      stepsOf(initial, history),
      ({ before, decision }) =>
        (before.phase._tag === "Draining" || isClosing(before)) &&
          (decision._tag === "Reuse" || decision._tag === "Wait")
          ? `ticket ${decision.number} was taken by a pool that is ${before.phase._tag.toLowerCase()}`
          : undefined
    )
}

/**
 * What was to be done about the leases that a Tick has found, and was not; of leases that say that they are long, nothing. A lease counts
 * from `seen` on: the latest time that any commit knew when it began.
 */
const overlooked = ({ input, state }: Step, seen: ReadonlyMap<number, number>): string | undefined =>
  input._tag !== "Tick" || isClosing(state)
    ? undefined
    : firstProblem(OrderedMap.values(state.leased), ({ number, overdue, ticket }) => {
      const age = input.now - seen.get(number)!
      if (ticket.manner.isLong || overdue === "aborted") return undefined
      if (age >= state.rules.maxLease) return `lease ${number} was not aborted in ${age} ms`
      return age >= state.rules.leakThreshold && overdue === undefined
        ? `lease ${number} was not reported in ${age} ms`
        : undefined
    })

const leasesInTime: HistoryInvariant = {
  number: 16,
  sentence:
    "a lease that is not said to be long is reported once after leakThreshold, and aborted after maxLease, and none before",
  broken: (initial, history) => {
    const reported = new Set<number>()
    const seen = new Map<number, number>()
    let latest = -Infinity
    return firstProblem(stepsOf(initial, history), (step) => {
      const { before: { rules }, input } = step
      latest = Math.max(latest, input.now)
      for (const { number } of begun(step)) seen.set(number, latest)
      return overlooked(step, seen) ?? firstProblem(workOf(step), (work) => {
        const isReport = work._tag === "Report"
        if (!isReport && (work._tag !== "Abort" || work.reason !== "MaxLease")) return undefined
        const { lease, manner, since } = work.holder
        const limit = isReport ? rules.leakThreshold : rules.maxLease
        const what = isReport ? "reported" : "aborted"
        if (manner.isLong) return `lease ${lease} was ${what}, and is a long one`
        if (input.now - since < limit) return `lease ${lease} was ${what} after ${input.now - since} ms`
        if (!isReport) return undefined
        if (reported.has(lease)) return `lease ${lease} was reported twice`
        reported.add(lease)
        return undefined
      })
    })
  }
}

export const historyInvariants: ReadonlyArray<HistoryInvariant> = [
  permitsOfSize,
  permitsOnce,
  inOrder,
  closedOnce,
  ofToday,
  endsInTime,
  leaversGetNothing,
  suspended,
  deadlocked,
  shedding,
  inTime,
  takesNobody,
  leasesInTime,
  passedSeldom,
  heldFor
]

/** Everything that is wrong with a history. */
export const brokenIn = (initial: State, history: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  historyInvariants.flatMap(({ broken, number }) => {
    const problem = broken(initial, history)
    return problem === undefined ? [] : [`invariant ${number}: ${problem}`]
  })
