import { defineConfig } from "vitest/config"

// The packages' sources, not their builds: see `exports` in their package.json. Else what Node itself would take: not the condition
// "module", which is for bundlers.
const conditions = ["@cenote/source", "node", "development|production"]

/** They leave nothing behind in their process, so they share one: the modules of Effect are loaded once, and not for each file. */
const shared = [
  "allocator",
  "request",
  "resource",
  "http",
  "observe",
  "faults",
  "sql-adapter",
  "interruption",
  "testing",
  "peers",
  "benchmarks",
  "chaos",
  "simulation",
  "support",
  "security",
  "types"
].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      { extends: true, test: { name: "shared", include: shared, isolate: false } },
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...shared]
        }
      }
    ],
    // A real PostgreSQL is started by some files.
    // As many as there are processors: vitest leaves one of them idle.
    maxWorkers: "100%",
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: process.env.CI ? ["default", "json"] : ["default"],
    outputFile: { json: "test/.results/vitest.json" },
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      reportsDirectory: "coverage"
    }
  }
})
