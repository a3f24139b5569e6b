/** Guards of what a user's own transaction takes. */
import type { Mutant } from "./mutant.js"

export const claims: ReadonlyArray<Mutant> = [
  {
    name: "a claim takes from a pool that is suspended",
    file: "allocator/claim.ts",
    find: "(state.phase._tag === \"Running\" || state.phase._tag === \"Starting\" ?",
    replace: "(state.phase._tag !== \"Closed\" ?"
  },
  {
    name: "a transaction does not write down what it has taken",
    file: "allocator/Owner.ts",
    find: "TRef.set(holdings, held)",
    replace: "TRef.set(holdings, held.slice(0, 0))"
  },
  {
    name: "what an attempt that retried had drafted counts in the next",
    file: "allocator/Owner.ts",
    find: "TRef.set(owner.draft, [])",
    replace: "TRef.update(owner.draft, (draft) => draft ?? [])"
  },
  {
    name: "two claims of one transaction get the same connection",
    file: "allocator/Owner.ts",
    find: "before === undefined ? pool.allocator.snapshot : STM.succeed(before.state)",
    replace: "pool.allocator.snapshot"
  },
  {
    name: "what was claimed is given back only where the use ends well",
    file: "request/claims.ts",
    find: "Effect.onExit(() => giveBack(owner, announcer))",
    replace: "Effect.tap(() => giveBack(owner, announcer))"
  },
  {
    name: "what was claimed is given back as it was left",
    file: "request/claims.ts",
    find: "resource === undefined ? undefined : { number, id, resource }",
    replace: "undefined"
  },
  {
    name: "a claim takes what a jump of time has made suspect",
    file: "request/claims.ts",
    find: "if (core.time.hasJumped) {",
    replace: "if (core.time.hasJumped && at < 0) {"
  },
  {
    name: "only the first of several claims comes back",
    file: "request/claims.ts",
    find: "[...held].reverse()",
    replace: "held.slice(0, 1)"
  }
]
