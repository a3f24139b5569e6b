/** Tests that need what a machine may not have. */
import { describe } from "@effect/vitest"

/** Where it is missing they are skipped, and say why. What is missing on CI has no reason, so that they fail there. */
export const describeUnless = (missing: string | undefined, title: string, tests: () => void): void => {
  if (missing !== undefined) console.warn(`${title}: skipped, as ${missing}`)
  describe.skipIf(missing !== undefined)(missing === undefined ? title : `${title} (skipped: ${missing})`, tests)
}
