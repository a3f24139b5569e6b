/** Guards of what operators do, of classes, the overload, deadlocks, leases that last, spare connections and time that jumps. */
import type { Mutant } from "./mutant.js"

const operations: ReadonlyArray<Mutant> = [
  {
    name: "a resize leaves what idles beyond it",
    file: "allocator/operations.ts",
    find: "if (isSurplus()) state = closeIdle(state, idle, \"Resized\", now, work)",
    replace: ""
  },
  {
    name: "a connection that is too many after a resize is handed on",
    file: "allocator/settle.ts",
    find: "(liveCount(state) >= state.rules.maxSize ? \"Resized\" : undefined) ??",
    replace: ""
  },
  {
    name: "a clear leaves leases as they were",
    file: "allocator/operations.ts",
    find: ": markCondemned(state, lease.connection.id, reason),",
    replace: ": state,"
  },
  {
    name: "a clear leaves what opens",
    file: "allocator/operations.ts",
    find: "endSteps(closeAllIdle(withoutBackoff(state), reason, now, work), reason, now, work)",
    replace: "closeAllIdle(withoutBackoff(state), reason, now, work)"
  },
  {
    name: "a connection that is to be recycled lives on",
    file: "allocator/operations.ts",
    find: "{ ...connection, retireAt, expiresAt: now + within, endsAs: \"Recycled\" }",
    replace: "{ ...connection, endsAs: \"Recycled\" }"
  },
  {
    name: "a suspended pool hands on what comes back",
    file: "allocator/moves.ts",
    find:
      "state.phase._tag === \"Suspended\" ? undefined : nextToServe(state, state.idle.places.size + 1)\n  return number",
    replace: "nextToServe(state, state.idle.places.size + 1)\n  return number"
  },
  {
    name: "nobody ends a suspension whose time is over",
    file: "allocator/upkeep.ts",
    find: "phase._tag === \"Suspended\" ? phase.until : Infinity",
    replace: "Infinity"
  },
  {
    name: "a suspension that ends by itself is not told",
    file: "allocator/settle.ts",
    find: "  work.push({ _tag: \"Announce\", announcement: { _tag: \"PoolResumed\" } })\n",
    replace: ""
  },
  {
    name: "a pool that drains takes callers",
    file: "allocator/take.ts",
    find: "    case \"Draining\":\n",
    replace: ""
  },
  {
    name: "a pool that drains keeps what is idle",
    file: "allocator/settle.ts",
    find: "endSteps(closeAllIdle(before, \"Shutdown\", now, work), \"Shutdown\", now, work)",
    replace: "before"
  },
  {
    name: "a second close moves the deadline",
    file: "allocator/closing.ts",
    find: "Math.min(phase.deadline, ticket.deadline)",
    replace: "ticket.deadline"
  },
  {
    name: "a close forgets who waits for a drain",
    file: "allocator/closing.ts",
    find: "phase._tag === \"Draining\" ? [...phase.tickets, ticket] : [ticket]",
    replace: "[ticket]"
  }
]

const classes: ReadonlyArray<Mutant> = [
  {
    name: "a class waits for as long as anybody above it does",
    file: "allocator/WaitQueue.ts",
    find: "(next === undefined || turn < earliest)",
    replace: "next === undefined"
  },
  {
    name: "classes are all the same",
    file: "request/acquire.ts",
    find: "headStart: priority === \"normal\" ? 0 : ranks[priority] * settings.ageing,",
    replace: "headStart: 0,"
  },
  {
    name: "the deadlines of a class are forgotten",
    file: "allocator/WaitQueue.ts",
    find: ": Math.min(Line.nextDeadline(self.high), Line.nextDeadline(self.normal), Line.nextDeadline(self.low))",
    replace: ": Math.min(Line.nextDeadline(self.high), Line.nextDeadline(self.normal))"
  }
]

const overload: ReadonlyArray<Mutant> = [
  {
    name: "a cold start is taken for an overload",
    file: "allocator/overload.ts",
    find: " && !isGrowing(state, inHand) && state.phase._tag",
    replace: " && state.phase._tag"
  },
  {
    name: "the last that waits is shed",
    file: "allocator/overload.ts",
    find: "if (WaitQueue.size(state.queue) === 1) break",
    replace: ""
  },
  {
    name: "who has just come is shed",
    file: "allocator/overload.ts",
    find: "head !== undefined && head.lateAt <= now;",
    replace: "head !== undefined;"
  },
  {
    name: "one late wait is an overload",
    file: "allocator/overload.ts",
    find: "above.last - above.since >= state.rules.overload!.interval",
    replace: "above.last - above.since >= 0"
  }
]

const deadlock: ReadonlyArray<Mutant> = [
  {
    name: "nobody is told of a deadlock",
    file: "allocator/settle.ts",
    find: "const told = breakDeadlock(state, now, work)",
    replace: "const told = state"
  },
  {
    name: "one holder that waits is a deadlock",
    file: "allocator/deadlock.ts",
    find: "return !OrderedMap.some(state.leased, ({ ticket }) => !waiting.has(ticket.fiber))",
    replace: "return OrderedMap.some(state.leased, ({ ticket }) => waiting.has(ticket.fiber))"
  },
  {
    name: "a deadlock is seen though a permit is about to come back",
    file: "allocator/deadlock.ts",
    find: "inUse < state.rules.maxSize || spentCount(state) > inUse",
    replace: "spentCount(state) < state.rules.maxSize"
  },
  {
    name: "who waits no more is remembered as nested",
    file: "allocator/moves.ts",
    find: "const left = forget(state, number)",
    replace: "const left = state"
  }
]

const leases: ReadonlyArray<Mutant> = [
  {
    name: "a long lease is aborted",
    file: "allocator/leases.ts",
    find: "!ticket.manner.isLong && overdue",
    replace: "overdue"
  },
  {
    name: "a lease that was reported comes back unsaid",
    file: "allocator/leave.ts",
    find: "if (lease.overdue !== undefined) work",
    replace: "if (lease.overdue === \"aborted\") work"
  },
  {
    name: "a lease is reported again and again",
    file: "allocator/leases.ts",
    find: "return put(state, { ...lease, overdue: \"reported\" })",
    replace: "return state"
  },
  {
    name: "nobody looks at leases in time",
    file: "allocator/upkeep.ts",
    find: "    nextLeaseDue(state),\n",
    replace: ""
  }
]

const spare: ReadonlyArray<Mutant> = [
  {
    name: "what is idle is closed below minIdle",
    file: "allocator/upkeep.ts",
    find: " && state.idle.places.size > state.rules.minIdle",
    replace: ""
  },
  {
    name: "spare connections are not replaced",
    file: "allocator/settle.ts",
    find: " || spareCount(state) < state.rules.minIdle)",
    replace: ")"
  },
  {
    name: "who takes the last spare one opens none",
    file: "allocator/take.ts",
    find: " || needsSpare(state)",
    replace: ""
  }
]

const time: ReadonlyArray<Mutant> = [
  {
    name: "what is idle is trusted after time has jumped",
    file: "request/commit.ts",
    find: "return Effect.zipRight(core.afterJump, effect)",
    replace: "return effect"
  },
  {
    name: "a clock that goes back is believed",
    file: "request/Time.ts",
    find: "at < this.last || ",
    replace: ""
  },
  {
    name: "alarms from before a jump stay",
    file: "request/make.ts",
    find: "        keeper.clear()\n",
    replace: ""
  },
  {
    name: "a critical error is not heard",
    file: "request/perform.ts",
    find: "() => criticise(core)",
    replace: "() => {}"
  },
  {
    name: "what is suspect is handed out unchecked",
    file: "allocator/steps.ts",
    find: "act(suspectAll(state, Infinity), now, [])",
    replace: "act(state, now, [])"
  }
]

export const operate: ReadonlyArray<Mutant> = [
  ...operations,
  ...classes,
  ...overload,
  ...deadlock,
  ...leases,
  ...spare,
  ...time
]
