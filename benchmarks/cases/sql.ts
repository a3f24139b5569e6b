import * as Effect from "effect/Effect"
import type { Case } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const sql: Case = {
  name: "sql",
  title: "Queries to PostgreSQL over 10 connections",
  about: "All at once, each some queries in a row: `select $1::int as n`. The server is on the same machine.",
  axis: "fibers",
  measure: "wall",
  points: [1, 10, 100, 1000].map((size) => ({ size, operations: size === 1 ? 500 : 2000 })),
  asks: "PostgreSQL",
  controls: [],
  quick: undefined,
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.void),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
