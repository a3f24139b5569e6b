import * as os from "node:os"
import type { LoadCase } from "../model.js"

export const http: LoadCase = {
  _tag: "Load",
  name: "http",
  title: "A bank over HTTP, 10 connections to PostgreSQL",
  about:
    "Each client has a connection, and asks again as soon as it is answered: a transfer (`begin`, two updates, an insert, `commit`), " +
    "then the balance of an account. All servers have the same handlers and the same database, and are checked to give the same " +
    `answers. The clients, the server and PostgreSQL are processes of one machine, and share its ${os.cpus().length} cores. In the ` +
    "first table more is better.",
  axis: "clients",
  measure: "wall",
  // Each client asks six times at the least: what begins and ends a crowd is not what is measured.
  points: [
    { size: 1, operations: 1000 },
    { size: 10, operations: 3000 },
    { size: 100, operations: 4000 },
    { size: 1000, operations: 6000 }
  ],
  asks: "Http",
  // A turn takes seconds.
  seconds: 300,
  quick: { named: true, sizes: [10], contenders: "all" }
}
