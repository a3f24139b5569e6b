import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { build } from "../../benchmarks/against.js"
import { parse } from "../../benchmarks/arguments.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const message = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("Arguments of the benchmarks", () => {
  it.effect("that cannot be used are all named, with what can", () =>
    Effect.gen(function*() {
      const text = yield* message(parse(["--case", "nonsense", "--seconds", "ten"]))
      expect(text).toContain("--case: \"nonsense\" is none of the cases: uncontended, fibers-yield,")
      expect(text).toContain("--seconds: must be a whole number from 1 to 3600.")
    }))

  it.effect("name cases with --case and without", () =>
    Effect.gen(function*() {
      expect((yield* parse(["sql", "--case", "churn"])).case).toEqual(["sql", "churn"])
      expect((yield* parse(["--quick"])).case).toEqual([])
    }))

  it.effect("that there are not are answered with those that there are", () =>
    Effect.gen(function*() {
      const text = yield* message(parse(["--fast"]))
      expect(text).toContain("Unknown option '--fast'")
      expect(text).toContain("--quick")
    }))

  it.scopedLive("a commit that there is not is answered with how to name one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(build("nonsense"))
      expect(error._tag).toBe("InvalidArguments")
      expect(error.message).toMatch(/"nonsense" is no commit here. Name one by its hash/)
    }))

  it.live("that cannot be used end the process with 2", () =>
    Effect.gen(function*() {
      const flags = ["--conditions=@cenote/source", "--import", "tsx", "benchmarks/main.ts", "--case", "nonsense"]
      const code = yield* Effect.async<unknown>((resume) => {
        execFile(process.execPath, flags, { cwd: root }, (error) => resume(Effect.succeed(error?.code)))
      })
      expect(code).toBe(2)
    }), 60_000)
})
