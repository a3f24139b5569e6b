/** A temporary folder of one's own. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { rmSync } from "node:fs"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"

/** Deleted with the Scope; or at the end of the process, where a signal ends it before its Scope. */
export const temporaryFolder = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const folder = await fs.mkdtemp(path.join(os.tmpdir(), `cenote-${name}-`))
        const remove = () => rmSync(folder, { recursive: true, force: true })
        process.once("exit", remove)
        return { folder, remove }
      }),
      ({ folder, remove }) =>
        // Until it is gone: a signal may end the process meanwhile.
        Effect.promise(() => fs.rm(folder, { recursive: true, force: true }).finally(() => process.off("exit", remove)))
    ),
    ({ folder }) => folder
  )
