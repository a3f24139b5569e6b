/** Measures each pool in processes of its own, one after the other, on one server. */
import * as Effect from "effect/Effect"
import pg from "pg"
import { fork } from "../measure/fork.js"
import { url } from "../measure/url.js"
import { maxSize, transact } from "./contenders.js"
import type { Figures } from "./outcomes.js"
import { wellAfter } from "./outcomes.js"
import type { Course, Plan } from "./plan.js"
import { calmLoad, floodOf, lengthOf, overload, stepOf } from "./plan.js"
import type { Measured, Reply, Request } from "./protocol.js"

const worker = new URL("./worker.js", import.meta.url)

/** Of the heap. */
const megabytes = 4096

/** How much longer than its course a process may take. */
const spare = 30_000

const run = (request: Request): Effect.Effect<Reply> =>
  fork<Reply>(worker, request, { megabytes }, (child) => {
    let reply: Reply | undefined
    const timer = setTimeout(() => {
      reply ??= { _tag: "Stopped", why: "took too long" }
      child.kill("SIGKILL")
    }, (request.course.warm + lengthOf(request.course)) * 1_000 + spare)
    child.on("message", (message: Reply) => {
      reply ??= message
    })
    return {
      left: () => clearTimeout(timer),
      closed: ({ errors, why }) => {
        if (reply === undefined) console.error(`\n${request.contender}:\n${errors}`)
        return reply ?? { _tag: "Stopped", why }
      }
    }
  })

/** How many requests a second as many connections do as the pools have, where each has the next request at once. */
export const capacity = (seconds: number): Effect.Effect<number> =>
  Effect.promise(async () => {
    const clients = Array.from({ length: maxSize }, () => new pg.Client({ connectionString: url() }))
    await Promise.all(clients.map((client) => client.connect()))
    const began = performance.now()
    const [from, to] = [began + 500, began + 500 + seconds * 1_000]
    let done = 0
    await Promise.all(clients.map(async (client) => {
      while (performance.now() < to) {
        await transact(client)
        const now = performance.now()
        if (now >= from && now < to) done++
      }
    }))
    await Promise.all(clients.map((client) => client.end()))
    return done / seconds
  })

export type Row =
  | {
    readonly _tag: "Measured"
    readonly name: string
    /** Requests that came, beside what the server can do, and what became of them. */
    readonly byLoad: ReadonlyArray<readonly [load: number, figures: Figures]>
    readonly calm: Figures
    readonly flood: Figures
    /** Of its second half. */
    readonly later: Figures
    /** The best goodput of all loads. */
    readonly peak: number
    /** The share of that which was left in the long overload. */
    readonly kept: number
    /** Seconds after the overload until all was well. Undefined: it was not. */
    readonly wellAfter: number | undefined
    readonly heap: number
    readonly unended: number
    /** The share of a processor that the process had in the overload. */
    readonly cpu: number
    /** How late a request began at the most in the overload, in milliseconds. */
    readonly late: number
    readonly seconds: ReadonlyArray<Figures>
    readonly failure: string | undefined
  }
  | { readonly _tag: "Stopped"; readonly name: string; readonly why: string }

const rowOf = (
  name: string,
  plan: Plan,
  steps: ReadonlyArray<readonly [load: number, measured: Measured]>,
  measured: Measured
): Row => {
  const [calm, flood, later] = measured.figures as [Figures, Figures, Figures]
  const byLoad = [
    [calmLoad, calm] as const,
    ...steps.map(([load, { figures }]) => [load, figures[0]!] as const),
    [overload, flood] as const
  ]
  const peak = Math.max(...byLoad.map(([, { goodput }]) => goodput))
  const from = plan.calm
  const to = from + plan.overload
  const within = measured.samples.filter(({ at }) => at >= from * 1_000 && at < (to + 1) * 1_000)
  const [first, last] = [within[0]!, within.at(-1)!]
  return {
    _tag: "Measured",
    name,
    byLoad,
    calm,
    flood,
    later,
    peak,
    kept: flood.goodput / peak,
    wellAfter: wellAfter(calm, measured.seconds.slice(to)),
    heap: last.heap,
    unended: last.unended,
    cpu: (last.cpu - first.cpu) / (last.at - first.at) / 1_000,
    late: Math.max(...within.slice(1).map(({ late }) => late)),
    seconds: measured.seconds,
    failure: [...steps.map(([, { failure }]) => failure), measured.failure].find((failure) => failure !== undefined)
  }
}

/** Each step is a process of its own, so that none has the queue of another. */
export const measure = (
  plan: Plan,
  name: string,
  capacity: number,
  report: (what: string) => void
): Effect.Effect<Row> =>
  Effect.gen(function*() {
    const ask = (course: Course, load: number) =>
      Effect.suspend(() => {
        report(`${name}: ${load} times what can be served`)
        return run({ contender: name, course, capacity })
      })
    const steps: Array<readonly [load: number, measured: Measured]> = []
    for (const load of plan.steps) {
      const reply = yield* ask(stepOf(plan, load), load)
      if (reply._tag === "Stopped") return { ...reply, name }
      steps.push([load, reply])
    }
    const reply = yield* ask(floodOf(plan), overload)
    return reply._tag === "Stopped" ? { ...reply, name } : rowOf(name, plan, steps, reply)
  })
