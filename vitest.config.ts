import { defineConfig } from "vitest/config"

// The packages' sources, not their builds: see `exports` in their package.json. Else what Node itself would take: not the condition
// "module", which is for bundlers.
const conditions = ["@cenote/source", "node", "development|production"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
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
