/** Guards of the connections that are shared. */
import { inProfile, type Mutant } from "./mutant.js"

export const shares: ReadonlyArray<Mutant> = inProfile("shared", [
  {
    name: "a connection takes one more lease than it may",
    file: "allocator/shared.ts",
    find: "holders < state.rules.concurrency && ",
    replace: "holders <= state.rules.concurrency && "
  },
  {
    name: "others share a connection that somebody has exclusively",
    file: "allocator/shared.ts",
    find: "!isExclusive && !needsReset &&",
    replace: "!needsReset &&"
  },
  {
    name: "a connection that one has left to be reset goes on to others",
    file: "allocator/shared.ts",
    find: "!isExclusive && !needsReset &&",
    replace: "!isExclusive &&"
  },
  {
    name: "a connection that is condemned takes more leases",
    file: "allocator/shared.ts",
    find: "!needsReset && condemned === undefined &&",
    replace: "!needsReset &&"
  },
  {
    name: "one that wants a connection for itself shares it",
    file: "request/acquire.ts",
    find: "!isExclusive(options) && concurrency > 1",
    replace: "concurrency > 1"
  },
  {
    name: "who wants an empty connection is passed for ever",
    file: "allocator/shared.ts",
    find: "state.nextTicket - first - 1 <= PASSES * state.rules.concurrency",
    replace: "first >= 0"
  },
  {
    name: "who wants an empty connection is passed on every connection",
    file: "allocator/shared.ts",
    find: "? second",
    replace: "? least"
  },
  {
    name: "a caller goes to any connection, not to the least loaded",
    file: "allocator/shared.ts",
    find: "if (first === undefined || entry.holders < first.holders)",
    replace: "if (first === undefined || entry.holders > first.holders)"
  },
  {
    name: "the first that leaves takes the connection from the others",
    file: "allocator/shared.ts",
    find: "return ended.holders > 0",
    replace: "return ended.holders > 1"
  },
  {
    name: "who could share after one that waited has gone is forgotten",
    file: "allocator/settle.ts",
    find: "if (mayHoldUp) state = serve(state, now, work)",
    replace: ""
  },
  {
    name: "a share that comes free is not handed on",
    file: "allocator/leave.ts",
    find:
      "return WaitQueue.size(state.queue) === 0 ? act(state, now, work, Infinity) : act(settle(state, now, work), now, work)",
    replace: "return act(state, now, work, Infinity)"
  }
])
