import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { parse } from "./arguments.js"
import { faults } from "./faults/index.js"

const message = (...args: ReadonlyArray<string>): string => Either.getOrThrow(Either.flip(parse(args)))

describe("Arguments of chaos", () => {
  it("have defaults", () => {
    expect(Either.getOrThrow(parse([]))).toEqual({ database: "postgres", minutes: 2, docs: false, help: false })
  })

  it("are what was asked for", () => {
    expect(
      Either.getOrThrow(
        parse([
          "--",
          "--minutes",
          "0.5",
          "--database",
          "mariadb",
          "--fault",
          "kill",
          "--seed",
          "7",
          "--json",
          "a.json",
          "--docs"
        ])
      )
    )
      .toEqual({ database: "mariadb", minutes: 0.5, fault: "kill", seed: 7, json: "a.json", docs: true, help: false })
  })

  it("that cannot be are all named, with what can", () => {
    const text = message("--minutes", "soon", "--seed", "1.5", "--fault", "rain", "--database", "excel")
    expect(text).toContain("--minutes must be a number from 0.1 to 1440.")
    expect(text).toContain("--seed must be a whole number from 0 to 2147483647.")
    expect(text).toContain("--fault \"rain\" is none of the faults: delay, ")
    expect(text).toContain(
      "--database \"excel\" is none of the databases: postgres, mariadb, pgbouncer-session, pgbouncer-transaction."
    )
  })

  it("that are a fault which the database does not have are answered with those that it has", () => {
    expect(message("--database", "mariadb", "--fault", "disk-full")).toContain(
      "--fault \"disk-full\" is none of the faults of mariadb: delay, "
    )
  })

  it("know the faults of PgBouncer where there is one", () => {
    expect(Either.getOrThrow(parse(["--database", "pgbouncer-session", "--fault", "pgbouncer-kill"]))).toMatchObject({
      database: "pgbouncer-session",
      fault: "pgbouncer-kill"
    })
    expect(message("--fault", "pgbouncer-kill")).toContain(
      "--fault \"pgbouncer-kill\" is none of the faults of postgres"
    )
  })

  it("that there are not are answered with those that there are", () => {
    expect(message("--minute", "2")).toContain("Unknown option '--minute'")
    for (const { name } of faults) expect(message("--minute", "2")).toContain(name)
  })
})
