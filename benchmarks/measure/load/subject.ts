/** A server at one number of clients. Each turn is a load of requests. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Contender, Point, Sample } from "../../model.js"
import type { Entry } from "../protocol.js"
import type { Prepare, Subject } from "../subject.js"
import { check } from "./check.js"
import { ask, NotAnswered } from "./clients.js"
import type { Database } from "./database.js"
import * as Databases from "./database.js"
import { figures } from "./figures.js"
import type { Server } from "./server.js"
import * as Servers from "./server.js"

class LoadSubject implements Subject {
  last = 0
  spent = 0

  constructor(
    readonly entry: Entry,
    private readonly operations: number,
    private readonly server: Server,
    private readonly database: Database
  ) {}

  sample(round: number): Effect.Effect<Sample, unknown> {
    const { database, operations: requests, server } = this
    return Effect.gen(this, function*() {
      yield* database.reset
      const before = yield* server.cpu
      const begun = performance.now()
      const answers = yield* ask({ port: server.port, clients: this.entry.size, requests }).pipe(
        Effect.mapError(({ message }) => new NotAnswered({ message: `${message} ${server.said()}`.trim() }))
      )
      this.last = performance.now() - begun
      this.spent += this.last
      const cpu = ((yield* server.cpu) - before) / requests
      yield* database.audit(answers.filter(({ kind }) => kind === "transfer").length)
      return { round, cpu, ...figures(answers) }
    })
  }

  /** There is nothing to be done: a turn is long enough. */
  calibrate(): void {}
}

/** Starts each server when it is first needed. It has its turns only if it answers as all others do. */
export const prepare: Effect.Effect<Prepare, unknown, Scope.Scope> = Effect.gen(function*() {
  const database = yield* Databases.open
  const servers = new Map<string, Server>()
  const serverOf = (name: string) =>
    Effect.gen(function*() {
      const server = servers.get(name) ?? (yield* Servers.open(name))
      if (!servers.has(name)) yield* check(database, server.port)
      servers.set(name, server)
      return server
    })
  return ({ name }: Contender, { operations, size }: Point) =>
    Effect.map(serverOf(name), (server) => new LoadSubject({ contender: name, size }, operations, server, database))
})
