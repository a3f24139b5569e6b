// Changes the allocator in every small way, and says which changes its tests do not notice: docs/mutation-testing.md.
export default {
  mutate: ["packages/core/src/allocator/**/*.ts"],
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.mutation.config.ts", related: false },
  coverageAnalysis: "perTest",
  concurrency: 2,
  // A busy machine must not make a change look noticed.
  timeoutMS: 20_000,
  timeoutFactor: 2,
  thresholds: { high: 100, low: 99, break: 98 },
  // What is copied: the sources of core, the tests of the allocator, and what these need to be compiled.
  ignorePatterns: [
    "/*",
    "!/package.json",
    "!/tsconfig.base.json",
    "!/vitest.*config.ts",
    "!/packages",
    "/packages/*",
    "!/packages/core",
    "/packages/core/dist",
    "/packages/core/docs",
    "!/packages/sql-adapter",
    "/packages/sql-adapter/*",
    "!/packages/sql-adapter/tsconfig.json",
    "!/test",
    "/test/*",
    "!/test/package.json",
    "!/test/tsconfig.json",
    "!/test/allocator"
  ],
  tempDirName: ".stryker",
  reporters: ["clear-text", "progress-append-only", "json", "html"],
  clearTextReporter: { logTests: false, reportTests: false },
  jsonReporter: { fileName: "test/.results/mutation.json" },
  htmlReporter: { fileName: "test/.results/mutation.html" }
}
