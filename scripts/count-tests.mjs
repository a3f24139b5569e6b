// Prints `N passed, N failed` from vitest's JSON report, and fails where a test failed or none ran.
import { existsSync, readFileSync } from "node:fs"

const [path] = process.argv.slice(2)
const report = path !== undefined && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined
const passed = report?.numPassedTests ?? 0
const failed = report?.numFailedTests ?? 0
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
// `success` is false too where a file could not be loaded, in which no test counts as failed.
if (report?.success !== true || passed === 0) process.exitCode = 1
