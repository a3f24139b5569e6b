/** Another commit's build of `@cenote/core`, in a working tree of its own. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import type { Other } from "./measure/protocol.js"
import { InvalidArguments } from "./program.js"
import { root as rootUrl } from "./root.js"

export class NotBuilt extends Data.TaggedError("NotBuilt")<{ readonly message: string }> {}

const root = fileURLToPath(rootUrl)

const said = (error: unknown): string => {
  const { message, stderr = "", stdout = "" } = error as Error & { readonly stdout?: string; readonly stderr?: string }
  return [message, stdout, stderr].join("\n").trim()
}

const run = (cwd: string, command: string, ...args: ReadonlyArray<string>): Effect.Effect<string, NotBuilt> =>
  Effect.tryPromise({
    try: (signal) => promisify(execFile)(command, args, { cwd, signal }),
    catch: (error) => new NotBuilt({ message: said(error) })
  }).pipe(Effect.map(({ stdout }) => stdout.trim()))

/** The commit that the working tree is at, and whether the tree has other changes. */
export const head: Effect.Effect<string, NotBuilt> = Effect.gen(function*() {
  const commit = yield* run(root, "git", "rev-parse", "HEAD")
  const changes = yield* run(root, "git", "status", "--porcelain", "--", "packages", "benchmarks")
  return changes === "" ? commit : `${commit}, with changes`
})

const commitOf = (ref: string): Effect.Effect<string, InvalidArguments> =>
  run(root, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`).pipe(
    Effect.catchAll(() =>
      Effect.gen(function*() {
        const names = yield* run(root, "git", "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
          .pipe(
            Effect.orElseSucceed(() => "")
          )
        return yield* new InvalidArguments({
          message: `--against: "${ref}" is no commit here. Name one by its hash, as HEAD~1, or as one of: ${
            names.split("\n").slice(0, 20).join(", ")
          }.`
        })
      })
    )
  )

const io = <A>(run: () => Promise<A>): Effect.Effect<A, NotBuilt> =>
  Effect.tryPromise({ try: run, catch: (error) => new NotBuilt({ message: said(error) }) })

/** A checkout that is removed with the Scope. */
const checkout = (commit: string): Effect.Effect<string, NotBuilt, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      io(() => fs.mkdtemp(path.join(os.tmpdir(), "cenote-bench-"))),
      (folder) => Effect.promise(() => fs.rm(folder, { recursive: true, force: true }))
    )
    const tree = path.join(folder, "tree")
    yield* Effect.acquireRelease(
      run(root, "git", "worktree", "add", "--detach", tree, commit),
      () => Effect.ignoreLogged(run(root, "git", "worktree", "remove", "--force", tree))
    )
    return tree
  })

/** Both builds then share one copy of effect: that of the working tree. */
const link = (tree: string, folder: string): Effect.Effect<void, NotBuilt> =>
  io(() => fs.symlink(path.join(root, folder), path.join(tree, folder), "dir"))

/** Builds the commit with the working tree's compiler. It is there until the Scope closes. */
export const build = (ref: string): Effect.Effect<Other, NotBuilt | InvalidArguments, Scope.Scope> =>
  Effect.gen(function*() {
    const commit = yield* commitOf(ref)
    const tree = yield* checkout(commit)
    yield* io(() => fs.access(path.join(tree, "packages/core/tsconfig.json"))).pipe(
      Effect.mapError(() =>
        new InvalidArguments({ message: `--against: at ${ref} there is no packages/core to build.` })
      )
    )
    yield* link(tree, "node_modules")
    yield* link(tree, "packages/core/node_modules")
    const compiler = path.join(root, "node_modules/typescript/bin/tsc")
    yield* run(tree, process.execPath, compiler, "-b", "packages/core").pipe(
      Effect.mapError(({ message }) => new NotBuilt({ message: `${ref} does not compile.\n${message}` }))
    )
    return { name: ref, module: pathToFileURL(path.join(tree, "packages/core/dist/ConnectionPool.js")).href }
  })
