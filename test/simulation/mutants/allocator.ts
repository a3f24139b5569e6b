/** Guards of the allocator. */
import type { Mutant } from "./mutant.js"

export const allocator: ReadonlyArray<Mutant> = [
  {
    name: "a release leaves the lease where it was",
    file: "allocator/leave.ts",
    find: "const after = withLeased(state, OrderedMap.remove(state.leased, number))",
    replace: "const after = state"
  },
  {
    name: "a waiter that has left is granted",
    file: "allocator/leave.ts",
    find: "const after = dismiss(state, number)",
    replace: "const after = state"
  },
  {
    name: "closing does not count",
    file: "allocator/ends.ts",
    find: "const after = withSteps(state, { closing })",
    replace: "const after = state"
  },
  {
    name: "capacity never comes back",
    file: "allocator/closing.ts",
    find: "withSteps(before, { closing: OrderedMap.remove(before.steps.closing, id) })",
    replace: "before"
  },
  {
    name: "resetting does not count, so its permit is there twice",
    file: "allocator/state.ts",
    find: "steps.probing.size + steps.resetting.size",
    replace: "steps.probing.size"
  },
  {
    name: "there is a permit more than there may be",
    file: "allocator/settle.ts",
    find: "spentCount(state) < state.rules.maxSize",
    replace: "spentCount(state) <= state.rules.maxSize"
  },
  {
    name: "the last to come is served first",
    file: "allocator/Line.ts",
    find: "=> OrderedMap.firstKey(self.tickets)",
    replace: "=> OrderedMap.lastKey(self.tickets)"
  },
  {
    name: "a newcomer overtakes who waits for a check",
    file: "allocator/settle.ts",
    find: "} else if (idle !== undefined && lacksCheck(state)) {",
    replace: "} else if (idle !== undefined && isShort(state)) {"
  },
  {
    name: "a lifetime that is over is not looked at",
    file: "allocator/retirement.ts",
    find: "now >= connection.expiresAt ?",
    replace: "false ?"
  },
  {
    name: "uses are not counted",
    file: "allocator/leave.ts",
    find: "lease.connection, lease.uses + 1, lease.condemned",
    replace: "lease.connection, lease.uses, lease.condemned"
  },
  {
    name: "a connection that was idle for long is not checked",
    file: "allocator/moves.ts",
    find: "(checkAfterIdle > 0 && now >= verifiedAt && now - verifiedAt <= checkAfterIdle)",
    replace: "checkAfterIdle >= 0"
  },
  {
    name: "a lease that was condemned is handed on",
    file: "allocator/leave.ts",
    find: "const reason = condemned ??",
    replace: "const reason ="
  },
  {
    name: "a failed check says nothing of the others",
    file: "allocator/steps.ts",
    find: "if (!passed) state = suspectIdle(state, entry.since, now, work)",
    replace: ""
  },
  {
    name: "a failed check passes",
    file: "allocator/steps.ts",
    find: "      : entry.step === \"ping\"\n      ? \"PingFailed\"\n      : \"CheckFailed\")",
    replace: "      : undefined)"
  },
  {
    name: "a transaction tells a waiter of its grant",
    file: "allocator/moves.ts",
    find: "work.push({ _tag: \"HandOver\", ticket, connection: fit.connection.id })",
    replace: "ticket.notify({ _tag: \"Granted\", connection: fit.connection.id })"
  },
  {
    name: "a transaction changes the queue in place",
    file: "allocator/OrderedMap.ts",
    find: "const copy = items.slice()\n  copy[index] = item",
    replace: "const copy = items as Array<unknown>\n  copy[index] = item"
  },
  {
    name: "a failed opening fails who came after it began",
    file: "allocator/opening.ts",
    find: ".filter(([number]) => number < opening.watermark)",
    replace: ""
  },
  {
    name: "a failed opening fails waiters while another is open",
    file: "allocator/opening.ts",
    find: " ||\n    openCount(before) + before.steps.opening.size > 0",
    replace: ""
  },
  {
    name: "the last failure is served to who comes later",
    file: "allocator/take.ts",
    find:
      "      return (ticket.manner.party === undefined ? takeNow(state, now, ticket) : undefined) ??\n        enqueue(state, now, ticket)",
    replace: "  const last = state.upkeep.lastConnectFailure\n" +
      "  if (last._tag === \"Some\" && now < state.upkeep.notBefore) {\n" +
      "    return refuse(state, now, [], { _tag: \"Down\", cause: last.value.cause })\n" +
      "  }\n" +
      "  return takeNow(state, now, ticket) ?? enqueue(state, now, ticket)"
  },
  {
    name: "openings do not back off",
    file: "allocator/settle.ts",
    find: "mayOpen(state) && now >= state.upkeep.notBefore",
    replace: "mayOpen(state)"
  },
  {
    name: "more open at once than may",
    file: "allocator/settle.ts",
    find: " && state.steps.opening.size < state.rules.maxConnecting",
    replace: ""
  },
  {
    name: "the pool does not fill up to its minimum",
    file: "allocator/settle.ts",
    find: "liveCount(state) < refillTarget(state)",
    replace: "liveCount(state) < 0"
  },
  {
    name: "a waiter whose time is over is granted",
    file: "allocator/overload.ts",
    find: "shed(denyOverdue(state, now, now, work), now, work, inHand)",
    replace: "shed(state, now, work, inHand)"
  },
  {
    name: "nobody's time is ever over",
    file: "allocator/waiting.ts",
    find: "if (ticket.deadline >= limit) break",
    replace: "break"
  },
  {
    name: "the queue forgets deadlines that are out of order",
    file: "allocator/Line.ts",
    find: "if (ticket.deadline >= self.latest) return",
    replace: "if (true) return"
  },
  {
    name: "the queue has no bound",
    file: "allocator/take.ts",
    find: "surplus(state) > state.rules.maxWaiters",
    replace: "false"
  },
  {
    name: "a pool that closes lets its waiters wait",
    file: "allocator/closing.ts",
    find: "state = deny(state, number, { _tag: \"Closed\" }, work)",
    replace: "break"
  },
  {
    name: "a pool that closes forgets what is being reset",
    file: "allocator/ends.ts",
    find: "for (const steps of [checking, probing, resetting]) {",
    replace: "for (const steps of [checking, probing]) {"
  },
  {
    name: "a pool that closes takes callers",
    file: "allocator/take.ts",
    find: "    case \"Closing\":\n    case \"Closed\":",
    replace: "    case \"Closed\":"
  },
  {
    name: "closing has no deadline",
    file: "allocator/closing.ts",
    find: "state.phase._tag === \"Closing\" && now >= state.phase.deadline",
    replace: "state.phase._tag === \"Closing\" && now < 0"
  }
]
