import { defineConfig } from "vitest/config"

// The packages' sources, not their builds: see `exports` in their package.json.
const conditions = ["@cenote/source"]

export default defineConfig({
  resolve: { conditions: [...conditions, "module", "node", "development|production"] },
  ssr: { resolve: { conditions: [...conditions, "module", "node", "development|production"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // A real PostgreSQL is started by some files.
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
