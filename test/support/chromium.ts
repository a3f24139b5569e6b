/** Tests with a browser. Without one, they are skipped and say why; where CI is set, they fail. */
import { describe } from "@effect/vitest"
import { program } from "./browser.js"

export const describeInChromium = (title: string, tests: () => void): void => {
  const reason = program === undefined && process.env.CI === undefined ? "no Chromium" : undefined
  if (reason !== undefined) console.warn(`${title}: skipped, as there is ${reason}`)
  describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, tests)
}
