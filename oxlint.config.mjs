// What each folder may import. A folder names what it may import; everything else is refused.
// test/layers.test.ts plants forbidden imports and sees these rules refuse them.
//
// A later override replaces the options of a rule whole, so each file is matched by one override of
// `no-restricted-imports` only, except the files of `exceptions`, which restate their folder's rule.

const words = (text) => text.trim().split(/\s+/)

/** Modules of effect that hold plain data and functions. */
const values = words(`
  Array BigDecimal BigInt Boolean Brand Cause Chunk Context Data Duration Effect Effectable Either Encoding
  Equal Equivalence ExecutionStrategy Exit Function Hash HashMap HashSet HKT Inspectable Iterable List Match
  Number Option Order Ordering Pipeable Predicate Record RedBlackTree Redacted SortedMap SortedSet String Struct
  Symbol Tuple Types Unify Utils
`)

/** Modules of effect that run things, but with which nobody waits for a place or hands one over. */
const running = words(`
  Clock Config ConfigError ConfigProvider DateTime DefaultServices Fiber FiberId FiberRef FiberRefs GlobalValue
  Layer Logger LogLevel LogSpan ManagedRuntime Metric MetricBoundaries MetricHook MetricKey MetricKeyType
  MetricLabel MetricPair MetricState ParseResult Random Ref Runtime RuntimeFlags Schedule ScheduleDecision
  ScheduleInterval Schema SchemaAST Scope Sink Stream Tracer
`)

/** Software transactional memory: the allocator's tools. */
const stm = words(`
  STM TArray TDeferred TMap TPriorityQueue TPubSub TQueue TRandom TReentrantLock TRef TSemaphore TSet
  TSubscriptionRef
`)

/** What else makes a fiber wait for another. Refused, as any module not named above. */
const gates = ["Deferred", "FiberHandle", "FiberMap", "FiberSet", "Mailbox", "PubSub", "Queue", "SubscriptionRef"]

/** Functions of effect/Effect that make a lock. */
const locks = ["makeSemaphore", "unsafeMakeSemaphore", "makeLatch", "unsafeMakeLatch"]

const effect = (...modules) => modules.map((module) => `effect/${module}`)

/** `typesOnly` may be imported with `import type`, `refused` not at all though a pattern of `may` matches it. */
const mayImport = ({ may, message, refused = [], typesOnly = [] }) => ({
  "no-restricted-imports": ["error", {
    paths: [
      ...refused.map((name) => ({ name, message })),
      ...typesOnly.map((name) => ({
        name,
        allowTypeImports: true,
        message: `${name} decides who waits: only allocator/ runs it. Import its types with \`import type\`.`
      }))
    ],
    patterns: [{
      group: ["**", ...[...may, ...typesOnly].map((pattern) => `!${pattern}`)],
      caseSensitive: true,
      message: `${message} See oxlint.config.mjs.`
    }]
  }]
})

const noLocks = locks.map((property) => ({
  property,
  message: "Waiting and counting live in allocator/. See oxlint.config.mjs."
}))

const noClock = [
  { object: "Date", property: "now", message: "Take the time from Clock, so that tests can set it." },
  { object: "performance", property: "now", message: "Take the time from Clock, so that tests can set it." },
  { object: "Math", property: "random", message: "Take it from Random, so that tests can repeat it." }
]

const noTimers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"].map((name) => ({
  name,
  message: "Time passes on Clock (Effect.sleep), so that tests can set it."
}))

const core = "packages/core/src"

const layers = {
  model: {
    may: ["./*.js", ...effect(...values, ...running)],
    typesOnly: effect("STM"),
    message: "model/ imports none of the other folders, and no module that makes a fiber wait."
  },
  allocator: {
    may: ["./*.js", "../model/*.js", ...effect(...values, ...stm)],
    message: "allocator/ imports model/ and STM. It reads no clock and runs no effect of its own."
  },
  "allocator/keys": {
    may: ["./*.js", "../*.js", "../../model/*.js", ...effect(...values, ...stm)],
    message: "allocator/keys/ imports allocator/, model/ and STM. It reads no clock and runs no effect of its own."
  },
  resource: {
    may: ["./*.js", "../model/*.js", ...effect(...values, ...running)],
    message: "resource/ imports model/ only, and no module that makes a fiber wait."
  },
  request: {
    may: [
      "./*.js",
      "../allocator/*.js",
      "../resource/*.js",
      "../model/*.js",
      ...effect(...values, ...running)
    ],
    typesOnly: effect("STM"),
    message: "request/ imports allocator/, resource/ and model/, and no module that makes a fiber wait."
  },
  "request/keys": {
    may: [
      "./*.js",
      "../*.js",
      "../../allocator/*.js",
      "../../allocator/keys/*.js",
      "../../model/*.js",
      "../../resource/*.js",
      ...effect(...values, ...running, "MutableHashMap")
    ],
    typesOnly: effect("STM"),
    message: "request/keys/ imports request/, allocator/, resource/ and model/, and no module that makes a fiber wait."
  },
  observe: {
    may: ["./*.js", "../model/*.js", ...effect(...values, ...running)],
    message: "observe/ imports model/ only: it sees of a pool what a user sees, and makes no fiber wait."
  },
  http: {
    may: ["./*.js", "../model/*.js", "@effect/platform/*", ...effect(...values, ...running)],
    message: "http/ imports model/ and @effect/platform, and no module that makes a fiber wait."
  },
  console: {
    may: [
      "./*.js",
      "../model/*.js",
      "../request/inspect.js",
      "@effect/platform/*",
      ...effect(...values, ...running)
    ],
    message:
      "console/ imports model/, what request/ lets it see, and @effect/platform, and no module that makes a fiber wait."
  },
  testing: {
    may: ["./*.js", "../*.js", "../model/*.js", ...effect(...values, ...running, ...gates, "Scheduler", "TestClock")],
    refused: ["../index.js"],
    message: "testing/ imports public modules by name, model/ and the gates of a test."
  }
}

const publicModules = {
  may: [
    "./*.js",
    "./request/*.js",
    "./request/keys/*.js",
    "./observe/*.js",
    "./model/*.js",
    ...effect(...values, ...running)
  ],
  typesOnly: effect(...stm),
  refused: ["./index.js"],
  message:
    "A public module imports public modules, request/, observe/ and model/, and no module that makes a fiber wait."
}

const adapter = "packages/sql-adapter/src"

const adapterFile = {
  may: [
    "./*.js",
    "./internal/*/*.js",
    "./internal/*.js",
    "../*.js",
    "../../*.js",
    "../client/*.js",
    "../wire/*.js",
    "@cenote/core/*",
    "@effect/experimental/Reactivity",
    "@effect/sql/*",
    "@effect/sql-mysql2/MysqlClient",
    "@effect/sql-pg/PgClient",
    "libsql",
    "libsql/promise",
    "mysql2",
    "pg",
    "pg-cursor",
    "node:*",
    ...effect(...values, ...running)
  ],
  refused: ["./index.js", "../index.js", "../../index.js", "@cenote/core", "@cenote/core/testing"],
  message:
    "An adapter imports the public modules of core by name, @effect/sql, its driver, and no module that makes a fiber wait."
}

/** Single files that may import more than their folder, each with its reason. */
const exceptions = [
  ...[`${core}/RequestConnection.ts`, `${core}/RequestService.ts`].map((file) => ({
    file,
    layer: publicModules,
    may: ["./http/*.js"],
    reason: "They are not part of the index: who imports the pool does not load @effect/platform."
  })),
  {
    file: `${core}/PoolConsole.ts`,
    layer: publicModules,
    may: ["./console/*.js", "@effect/platform/*"],
    reason: "It is not part of the index: who imports the pool does not load @effect/platform."
  },
  {
    file: `${core}/console/Feed.ts`,
    layer: layers.console,
    may: effect("Queue"),
    reason: "Who watches a console has a buffer. No caller that wants a connection waits there."
  },
  {
    file: `${core}/request/events.ts`,
    layer: layers.request,
    may: effect("Queue"),
    reason: "Subscribers of the event stream each have a buffer. No caller that wants a connection waits there."
  },
  ...[`${adapter}/RequestTransaction.ts`, `${adapter}/internal/request/*.ts`].map((file) => ({
    file,
    layer: adapterFile,
    may: ["@effect/platform/*"],
    reason: "Requests are @effect/platform's. Nothing else of the adapter knows of them."
  })),
  {
    file: `${adapter}/internal/pg/listen.ts`,
    layer: adapterFile,
    may: effect("Deferred", "Queue", "RcRef"),
    reason:
      "Listeners share a connection that is not the pool's, and each has a buffer. Nobody waits there for a connection of a pool."
  }
]

export default {
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import"],
  categories: { correctness: "error" },
  ignorePatterns: ["**/dist/**", "**/coverage/**", "**/node_modules/**", "packages/*/docs/**"],
  rules: {
    "eqeqeq": "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    // `Effect.gen` may have nothing to yield.
    "require-yield": "off",
    // A namespace import may have the name of a global.
    "no-shadow-restricted-names": "off",
    // What a fake server does next is named `then`.
    "unicorn/no-thenable": "off",
    "typescript/consistent-type-imports": "error",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "max-lines": ["error", { max: 320, skipBlankLines: true, skipComments: true }],
    "no-restricted-imports": ["error", {
      paths: [{ name: "effect", message: "Import by submodule: `import * as Effect from \"effect/Effect\"`." }]
    }]
  },
  overrides: [
    {
      files: ["packages/*/src/**"],
      rules: {
        "no-console": "error",
        "no-restricted-globals": ["error", ...noTimers],
        "no-restricted-properties": ["error", ...noLocks, ...noClock]
      }
    },
    // Any folder of core that is not named below may import nothing.
    {
      files: [`${core}/**`],
      rules: mayImport({ may: [], message: "This folder is not in the list of layers." })
    },
    { files: [`${core}/*.ts`], rules: mayImport(publicModules) },
    {
      files: [`${core}/index.ts`],
      rules: mayImport({ may: ["./*.js"], message: "index.ts only re-exports the public modules." })
    },
    ...Object.entries(layers).map(([name, layer]) => ({
      files: [`${core}/${name}/*.ts`],
      rules: mayImport(layer)
    })),
    {
      // The gates of the testing kit make a test wait, never a caller of the pool.
      files: [`${core}/testing/*.ts`],
      rules: { "no-restricted-properties": ["error", ...noClock] }
    },
    { files: [`${adapter}/**`], rules: mayImport(adapterFile) },
    ...exceptions.map(({ file, layer, may }) => ({
      files: [file],
      rules: mayImport({ ...layer, may: [...layer.may, ...may] })
    }))
  ]
}
