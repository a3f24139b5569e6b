/** A disk that can be full: a file system of a bounded size, in memory. It takes Linux, and the right to mount one. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile, execFileSync } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"

export class DiskError extends Data.TaggedError("DiskError")<{ readonly message: string; readonly cause: unknown }> {}

const attempt = <A>(what: string, f: () => Promise<A>): Effect.Effect<A, DiskError> =>
  Effect.tryPromise({ try: f, catch: (cause) => new DiskError({ message: `${what}: ${cause}`, cause }) })

const run = promisify(execFile)

/** Lazily: who is in it may go later. */
const unmount = ["--lazy"] as const

/** Puts an empty disk at a folder, until the Scope closes or the process ends. */
export const mount = (folder: string, megabytes: number): Effect.Effect<void, DiskError, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    attempt("No disk can be mounted", async () => {
      await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", folder])
      const atExit = () => void execFileSync("umount", [...unmount, folder])
      process.once("exit", atExit)
      return atExit
    }),
    (atExit) =>
      Effect.promise(() => {
        process.off("exit", atExit)
        return run("umount", [...unmount, folder])
      })
  ))

/** Why there is none here; undefined where there is. */
export const missing: Effect.Effect<string | undefined> = Effect.acquireUseRelease(
  Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "cenote-disk-"))),
  (folder) =>
    Effect.match(Effect.scoped(mount(folder, 1)), { onFailure: ({ message }) => message, onSuccess: () => undefined }),
  (folder) => Effect.promise(() => fs.rmdir(folder))
)

const isFull = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOSPC"

/** The last room is taken in pieces of a page. */
const pieces = [1 << 20, 1 << 12] as const

/** Lets a file grow until the disk is full. An interruption waits for that. */
export const fill = (file: string): Effect.Effect<void, DiskError> =>
  Effect.uninterruptible(attempt(`${file} cannot be written`, async () => {
    for (const size of pieces) {
      const piece = Buffer.alloc(size)
      try {
        while (true) await fs.appendFile(file, piece)
      } catch (error) {
        if (!isFull(error)) throw error
      }
    }
  }))

export const remove = (file: string): Effect.Effect<void, DiskError> =>
  attempt(`${file} cannot be deleted`, () => fs.rm(file, { force: true }))
