/** How releases are made is part of what is promised: by pinned actions, with no more rights than a job needs, and with provenance. */
import { expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const workflow = readFileSync(new URL("../../.github/workflows/release.yml", import.meta.url), "utf8")

const [top, version, publish] = workflow.split(/^ {2}(?=version:|publish:)/m) as [string, string, string]

it("every action is pinned to a commit, and says which version that is", () => {
  const actions = [...workflow.matchAll(/uses: (.*)/g)].map(([, action]) => action!)
  expect(actions.length).toBeGreaterThan(4)
  expect(actions.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([])
})

it("only who publishes can prove where it was built, and does", () => {
  expect(top).toMatch(/^permissions: \{\}$/m)
  expect(version).not.toContain("id-token")
  expect(version).not.toContain("NPM_TOKEN")
  expect(publish).toContain("id-token: write")
  expect(publish).toContain("NPM_CONFIG_PROVENANCE: \"true\"")
  expect(publish).not.toContain("pull-requests")
})
