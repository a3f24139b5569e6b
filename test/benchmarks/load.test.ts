import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { RequestListener } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { http } from "../../benchmarks/cases/http.js"
import { requestConnection } from "../../benchmarks/http/servers/index.js"
import { difference } from "../../benchmarks/measure/load/check.js"
import { ask } from "../../benchmarks/measure/load/clients.js"
import type { Answer } from "../../benchmarks/measure/load/figures.js"
import { figures } from "../../benchmarks/measure/load/figures.js"
import type { Result, Sample } from "../../benchmarks/model.js"
import { loadTables } from "../../benchmarks/report/load.js"

const server = (answer: RequestListener) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer(answer).listen(0, "127.0.0.1", () => {
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ port: (server.address() as AddressInfo).port, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

describe("The figures of a turn", () => {
  const every = (milliseconds: number, from: number, count: number, took: number) =>
    Array.from({ length: count }, (_, index): Answer => ({
      kind: "transfer",
      isFirst: false,
      at: from + index * milliseconds,
      took
    }))

  it("leave out the clients that connect, and the last ones", () => {
    // 20 slow answers, 70 of one in 2 ms, 10 slow ones.
    const answers = [...every(100, 0, 20, 999), ...every(2, 2000, 70, 8), ...every(100, 2200, 10, 999)]
    expect(figures(answers)).toEqual({ wall: 2000, "transfer p50": 8000, "transfer p99": 8000 })
  })

  it("count no connecting as a time to answer, however late a client connects", () => {
    const answers = every(1, 0, 100, 4).map((answer, index) =>
      index === 50 ? { ...answer, isFirst: true, took: 999 } : answer
    )
    expect(figures(answers)).toEqual({ wall: 1000, "transfer p50": 4000, "transfer p99": 4000 })
  })

  it("keep what is fast apart from what is slow", () => {
    const answers = every(1, 0, 1000, 4).map((answer, index) =>
      index % 2 === 0 ? answer : { ...answer, kind: "account" as const, took: index % 100 === 99 ? 3 : 1 }
    )
    const found = figures(answers)
    expect(found).toMatchObject({
      "transfer p50": 4000,
      "transfer p99": 4000,
      "account p50": 1000,
      "account p99": 3000
    })
  })
})

describe("The clients", () => {
  it.scopedLive("have an answer for each request, with its kind, in the order in which they came", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const { port } = yield* server((request, response) => {
        asked.push(request.method === "POST" ? "transfer" : "account")
        request.resume().on("end", () => response.end("{}"))
      })
      const answers = yield* ask({ port, clients: 1, requests: 30 })
      expect(answers.map(({ kind }) => kind)).toEqual(asked)
      expect(answers).toHaveLength(30)
      expect(answers.map(({ isFirst }) => isFirst)).toEqual([true, ...Array.from({ length: 29 }, () => false)])
      expect(answers.every(({ at }, index) => index === 0 || at >= answers[index - 1]!.at)).toBe(true)
    }))

  it.scopedLive("do not count an answer that is an error", () =>
    Effect.gen(function*() {
      const { port } = yield* server((request, response) => {
        response.statusCode = request.method === "POST" ? 201 : 503
        request.resume().on("end", () => response.end("{}"))
      })
      const { message } = yield* Effect.flip(ask({ port, clients: 4, requests: 40 }))
      expect(message).toBe("of 40 requests, 20 answered with an error")
    }))

  it.scopedLive("notice that the server is gone", () =>
    Effect.gen(function*() {
      let left = 10
      const { close, port } = yield* server((request, response) => {
        if (left-- === 0) close()
        else request.resume().on("end", () => response.end("{}"))
      })
      const { message } = yield* Effect.flip(ask({ port, clients: 2, requests: 1000 }))
      expect(message).toMatch(/^of 1000 requests, \d+ broken off, \d+ not answered$/)
    }))
})

describe("The check of a server", () => {
  const question = { asked: ["GET", "/accounts/1"], status: 200, answer: { id: 1, balance: 5 } } as const
  const given = { status: 200, type: "application/json", length: "20", body: "{\"id\":1,\"balance\":5}" }

  it("says nothing of the answer that was expected", () => {
    expect(difference(question, given)).toBeUndefined()
  })

  it("shows an answer that is another one, be it only in its status, its type or its length", () => {
    expect(difference(question, { ...given, status: 201 })).toContain("GET /accounts/1 is answered with 201, 20 bytes")
    expect(difference(question, { ...given, type: "text/plain" })).toContain("of text/plain")
    expect(difference(question, { ...given, length: null })).toContain("not with 200, 20 bytes of application/json")
    expect(difference(question, { ...given, body: "{\"id\":1,\"balance\":6}" })).toContain("\"balance\":6")
  })
})

describe("The tables of servers", () => {
  const sample = (round: number, wall: number): Sample => ({
    round,
    wall,
    cpu: wall / 2,
    "transfer p50": wall * 2,
    "transfer p99": wall * 4,
    "account p50": wall,
    "account p99": wall * 3
  })
  const sampled = (contender: string, walls: ReadonlyArray<number>) => ({
    contender,
    size: 10,
    outcome: { _tag: "Sampled" as const, samples: walls.map((wall, round) => sample(round, wall)) }
  })
  const result: Result = {
    case: "http",
    rows: [
      sampled(requestConnection, [1000, 500, 250]),
      sampled("fast", [500, 250, 125]),
      { contender: "stopped", size: 10, outcome: { _tag: "Stopped", why: "answers something else" } }
    ]
  }
  const cells = (table: string, name: string) =>
    table.split("\n").find((line) => line.includes(`| ${name} `))?.split("|").slice(2, -1).map((cell) => cell.trim())

  it("have requests a second, and how many times those of the base, round by round", () => {
    const [rate = ""] = loadTables(http, result)
    expect(cells(rate, requestConnection)).toEqual(["2,000 · 1.00 ×"])
    expect(cells(rate, "fast")).toEqual(["4,000 · 2.00 ×"])
  })

  it("have the percentiles of each kind in milliseconds, and the server's processor time", () => {
    const [, transfers = "", balances = "", processor = ""] = loadTables(http, result)
    expect(cells(transfers, "fast")).toEqual(["0.5 · 1"])
    expect(cells(balances, "fast")).toEqual(["0.25 · 0.75"])
    expect(cells(processor, "fast")).toEqual(["125"])
  })

  it("say once why one was stopped", () => {
    expect(loadTables(http, result).map((table) => cells(table, "stopped"))).toEqual([
      ["answers something else"],
      [""],
      [""],
      [""]
    ])
  })
})
