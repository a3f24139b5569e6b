/** Guards of a keyed pool. */
import { inProfile, type Mutant } from "./mutant.js"

export const tenants: ReadonlyArray<Mutant> = inProfile("keyed", [
  {
    name: "a key's permit stays its own though others wait for one",
    file: "allocator/keys/balance.ts",
    find: "if (keys.hungry.size > 0) return liveCount(state)",
    replace: "if (keys.hungry.size > 99) return liveCount(state)"
  },
  {
    name: "a busy key never gives up a connection",
    file: "allocator/keys/balance.ts",
    find: "now - next.hunger.since >= HOLD",
    replace: "now - next.hunger.since >= HOLD * 1_000"
  },
  {
    name: "a busy key gives up its connections at once",
    file: "allocator/keys/balance.ts",
    find: "now - next.hunger.since >= HOLD",
    replace: "now - next.hunger.since >= 0"
  },
  {
    name: "more connections end than keys need one",
    file: "allocator/keys/balance.ts",
    find: "if (keys.coming >= keys.hungry.size) return keys",
    replace: ""
  },
  {
    name: "what is idle is left to its key",
    file: "allocator/keys/balance.ts",
    find: "if (keys.idle === 0) return undefined",
    replace: "if (keys.idle >= 0) return undefined"
  },
  {
    name: "what is idle of all keys is not counted when it is taken",
    file: "allocator/keys/state.ts",
    find: "idle: keys.idle + after.idle - before.idle",
    replace: "idle: keys.idle + Math.max(0, after.idle - before.idle)"
  },
  {
    name: "who has got a connection is next again",
    file: "allocator/keys/state.ts",
    find: "return hunger?.live === live ? hunger :",
    replace: "return hunger !== undefined ? hunger :"
  },
  {
    name: "a key that somebody waits for is at rest",
    file: "allocator/keys/state.ts",
    find: "spentCount(state) === 0 && WaitQueue.size(state.queue) === 0",
    replace: "spentCount(state) === 0"
  },
  {
    name: "what is decided for another key is not done",
    file: "request/keys/KeyedCore.ts",
    find: "startAll(core, work.work)",
    replace: ""
  },
  {
    name: "only the first alarm of all keys rings",
    file: "request/keys/Agenda.ts",
    find: "if (next !== undefined) this.arm(next)",
    replace: ""
  },
  {
    name: "a pool that ends takes new keys",
    file: "allocator/keys/transition.ts",
    find: "if (keys.phase._tag !== \"Running\") return [undefined, keys]",
    replace: ""
  },
  {
    name: "who waits for the end of all keys is not told",
    file: "allocator/keys/transition.ts",
    find: "for (const ticket of phase.tickets) work.push({ _tag: \"Finish\", ticket })",
    replace: ""
  }
])
