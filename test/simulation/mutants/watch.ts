/** Guards of the health and the metrics. */
import type { Mutant } from "./mutant.js"

export const watch: ReadonlyArray<Mutant> = [
  {
    name: "a pool that closes is said to be ready",
    file: "request/health.ts",
    find: "case \"Draining\":\n    case \"Closed\":\n      return true",
    replace: "case \"Draining\":\n    case \"Closed\":\n      return false"
  },
  {
    name: "a pool that has connections is said to be down when another one cannot be opened",
    file: "request/health.ts",
    find: "return reason.open === 0 && (",
    replace: "return ("
  },
  {
    name: "a pool that nobody watches any more stays in the metrics",
    file: "observe/series.ts",
    find: "if (this.sources.delete(source) && this.counts)",
    replace: "if (this.sources.delete(source))"
  },
  {
    name: "a scrape reads what was when the registration began",
    file: "observe/metrics.ts",
    find: "observe(key(labels), () => read(Effect.runSync(stats))))",
    replace: "{ const then = read(Effect.runSync(stats)); return observe(key(labels), () => then) })"
  }
]
