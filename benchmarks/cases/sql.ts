import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

/** By each fiber, at the least: with fewer, what is measured at 1,000 is how a crowd begins and ends. */
const uses = 20

export const sql: LoopCase = {
  _tag: "Loop",
  name: "sql",
  title: "Queries to PostgreSQL over 10 connections",
  about: "All at once, each some queries in a row: `select $1::int as n`. The server is on the same machine.",
  axis: "fibers",
  measure: "wall",
  points: [1, 10, 100, 1000].map((size) => ({ size, operations: size === 1 ? 500 : Math.max(2000, size * uses) })),
  asks: "Sql",
  controls: [],
  quick: undefined,
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.void),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
