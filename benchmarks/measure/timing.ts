/**
 * The time of each contender, in rounds: in a round everybody does the work of a case once, in an order that is drawn anew.
 * What disturbs the machine then disturbs all of them, and the samples of one round can be compared.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { shuffle } from "simple-statistics"
import type { Case, Contender } from "../model.js"
import * as Loop from "./loop.js"
import type { Effort, Entry, Message } from "./protocol.js"
import type { Prepare, Subject } from "./subject.js"

type Tell = (message: Message) => Effect.Effect<void>

/** What a case needs is there until the Scope closes. */
const prepareFor = (work: Case): Effect.Effect<Prepare, unknown, Scope.Scope> => {
  switch (work._tag) {
    case "Loop":
      return Effect.succeed(Loop.prepare(work))
    case "Load":
      // Its libraries are large, and no part of a process that measures a pool.
      return Effect.flatMap(Effect.promise(() => import("./load/subject.js")), ({ prepare }) => prepare)
  }
}

/** Opens everybody, and lets each do the work once, smaller sizes first. Who fails at one is not tried at larger ones. */
const tryAll = (work: Case, contenders: ReadonlyArray<Contender>, entries: ReadonlyArray<Entry>, tell: Tell) =>
  Effect.gen(function*() {
    const prepare = yield* prepareFor(work)
    const failed = new Set<string>()
    const subjects: Array<Subject> = []
    for (const entry of entries) {
      const contender = contenders.find(({ name }) => name === entry.contender)
      const point = work.points.find(({ size }) => size === entry.size)
      if (contender === undefined || point === undefined) {
        return yield* Effect.dieMessage(`Bug in the benchmarks: no ${entry.contender} at ${entry.size}`)
      }
      if (failed.has(entry.contender)) continue
      yield* tell({ _tag: "Trying", ...entry })
      const tried = yield* prepare(contender, point).pipe(
        Effect.tap((subject) => subject.sample(0)),
        Effect.either
      )
      if (tried._tag === "Left") {
        failed.add(entry.contender)
        yield* tell({ _tag: "Failed", why: reason(tried.left), ...entry })
      } else {
        subjects.push(tried.right)
        yield* tell({ _tag: "Ready", ...entry })
      }
    }
    return subjects
  })

/** In one line. Effect's own errors carry what was thrown as their cause, and so do the benchmark's. */
const reason = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error
    ? reason(error.cause)
    : `failed: ${String(error instanceof Error ? error.message : error).split("\n", 1)[0]}`

/** Until it is compiled. */
const warm = (subject: Subject, milliseconds: number): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    while (subject.spent < milliseconds) {
      subject.calibrate(yield* subject.sample(0))
    }
  })

/** A round, or a turn, that takes so long is not repeated without need. In milliseconds. */
const long = 1000

export const time = (
  work: Case,
  contenders: ReadonlyArray<Contender>,
  entries: ReadonlyArray<Entry>,
  { fewestRounds, mostRounds, processes, seconds, warmUpMilliseconds }: Effort,
  tell: Tell
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    let subjects = yield* tryAll(work, contenders, entries, tell)
    const take = (turn: (subject: Subject) => Effect.Effect<void, unknown>) => (subject: Subject) =>
      Effect.zipRight(tell({ _tag: "Trying", ...subject.entry }), turn(subject)).pipe(
        Effect.catchAll((error) => {
          subjects = subjects.filter((other) => other !== subject)
          return tell({ _tag: "Failed", why: reason(error), ...subject.entry })
        })
      )
    yield* Effect.forEach(subjects, take((subject) => warm(subject, warmUpMilliseconds)), { discard: true })
    yield* tell({ _tag: "Warm" })

    const fewest = (subject: Subject) => subject.last > long ? Math.min(3, fewestRounds) : fewestRounds / processes
    // Who is slow has had its share of the time sooner, and has fewer rounds.
    const share = 2 * seconds * 1000 / processes / subjects.length
    for (const subject of subjects) subject.spent = 0
    for (let round = 0; round < mostRounds; round++) {
      const next = subjects.filter((subject) => round < fewest(subject) || subject.spent < share)
      const isOver = subjects.reduce((sum, { spent }) => sum + spent, 0) > seconds * 1000 / processes
      if (next.length === 0 || (isOver && next.every((subject) => round >= fewest(subject)))) return
      const sample = (subject: Subject) =>
        Effect.flatMap(subject.sample(round), (sample) => tell({ _tag: "Timed", sample, ...subject.entry }))
      yield* Effect.forEach(shuffle(next), take(sample), { discard: true })
    }
  })
