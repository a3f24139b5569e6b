/** Tests with a browser. Without one, they are skipped and say why; where CI is set, they fail. */
import { program } from "./browser.js"
import { describeUnless } from "./where.js"

export const describeInChromium = (title: string, tests: () => void): void => {
  const missing = program === undefined && process.env.CI === undefined ? "there is no Chromium" : undefined
  describeUnless(missing, title, tests)
}
