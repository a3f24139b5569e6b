/** Guards of connections of several pools at once. */
import { inProfile, type Mutant } from "./mutant.js"

export const parties: ReadonlyArray<Mutant> = inProfile("together", [
  {
    name: "a seat is served without the others",
    file: "allocator/together.ts",
    find: "return all.every(({ group: { now, numbers }, state }) => canServe(state, numbers, now))",
    replace: "return all.some(({ group: { now, numbers }, state }) => canServe(state, numbers, now))"
  },
  {
    name: "nobody looks after seats when something is idle",
    file: "allocator/settle.ts",
    find: "(state.idle.places.size > 0 || !isAble(state))",
    replace: "!isAble(state)"
  },
  {
    name: "who has just got seats does not look whether they can be served",
    file: "request/all.ts",
    find: "Effect.zipRight(Effect.uninterruptible(gatherParty(party)), wait(seats))",
    replace: "wait(seats)"
  },
  {
    name: "what is idle for seats is not checked",
    file: "allocator/settle.ts",
    find: "if (number === undefined) return checkForSeats(state, now, work)",
    replace: "if (number === undefined) break"
  },
  {
    name: "one that is refused keeps its seats in the other pools",
    file: "allocator/together.ts",
    find: "return answers.some(({ _tag }) => _tag === \"Refuse\")",
    replace: "return answers.every(({ _tag }) => _tag === \"Refuse\")"
  },
  {
    name: "the seats of who gives up stay",
    file: "request/all.ts",
    find: "[...seats].reverse(), ({ core, held, number })",
    replace: "[...seats].slice(1), ({ core, held, number })"
  },
  {
    name: "what is held for a seat goes to who came later",
    file: "allocator/turns.ts",
    find: "free <= heldBefore(state, number, WaitQueue.get(state.queue, number)!)",
    replace: "free < 0"
  },
  {
    name: "who is passed over is looked after only where its own pool comes to have something idle",
    file: "request/all.ts",
    find: "party.groups.some(({ pool }) => lacking.has(pool))",
    replace: "lacking.size > 0"
  }
])
