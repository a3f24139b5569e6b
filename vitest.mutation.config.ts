import { defineConfig } from "vitest/config"
import type { TestSpecification } from "vitest/node"
import { BaseSequencer } from "vitest/node"
import allocator from "./vitest.allocator.config.js"

/** First what notices a broken map before anything can hang on it; then the examples; last the many lives. */
const order = ["OrderedMap", "WaitQueue", undefined, "rest", "transitions", "purity", "cost"]

const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = order.findIndex((name) => name !== undefined && moduleId.endsWith(`/${name}.test.ts`))
  return place === -1 ? order.indexOf(undefined) : place
}

class QuickestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return [...files].sort((a, b) => placeOf(a) - placeOf(b))
  }
}

// The tests as `pnpm mutate` runs them.
export default defineConfig({
  ...allocator,
  test: {
    ...allocator.test,
    setupFiles: ["test/allocator/mutation.ts"],
    sequence: { sequencer: QuickestFirst }
  }
})
