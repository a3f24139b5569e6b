/** What is different where the tests run on a changed allocator, to see whether they notice. */
import * as fc from "fast-check"
import { beforeEach } from "vitest"

/** Tests that other tests notice faults: they say nothing about the allocator. */
const ofTests = ["the plain model notices where", "it is noticed where"]

// The same lives each time, and no shorter one is looked for where one has failed.
fc.configureGlobal({ seed: 1, endOnFailure: true })

beforeEach(({ skip, task }) => {
  skip(ofTests.includes(task.suite?.name ?? ""))
})
