import { defineConfig } from "vitest/config"
import base from "./vitest.config.js"

// The allocator with its own tests alone: every branch of it is reached, and a change to it is noticed by them.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    projects: undefined,
    testTimeout: 60_000,
    // What takes from several pools in one transaction is reached with pools around it.
    include: [
      "test/allocator/**/*.test.ts",
      "test/request/all.test.ts",
      "test/request/keyed*.test.ts",
      "test/request/use-stm*.test.ts"
    ],
    // These tests share nothing but modules.
    isolate: false,
    reporters: ["default"],
    coverage: {
      provider: "v8",
      include: ["packages/core/src/allocator/**/*.ts"],
      // Counts the branches of the sources, not of what they compile to.
      experimentalAstAwareRemapping: true,
      reporter: ["text"],
      thresholds: { branches: 100 }
    }
  }
})
