/**
 * Ten times what a PostgreSQL server can do, for a minute and more: how many of those who ask are answered in time, and what is left of
 * it when it is over. docs/overload.md has what came out.
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { head } from "../against.js"
import { server } from "../measure/postgres.js"
import { runMain } from "../program.js"
import * as Progress from "../progress.js"
import { machine, machineText, versions } from "../report/machine.js"
import { writeBeside, writeRegions } from "../report/page.js"
import type { Arguments } from "./arguments.js"
import { parse, usage } from "./arguments.js"
import { contenders, controlled } from "./contenders.js"
import type { Row } from "./measure.js"
import { capacity, measure } from "./measure.js"
import type { Plan } from "./plan.js"
import { full, quick } from "./plan.js"
import { conditions, drawing, floodTable, loadTable, percent } from "./report.js"

/** The share of its best goodput that Cenote with overload control must keep. */
const bound = 0.9

class Collapsed extends Data.TaggedError("Collapsed")<{ readonly message: string }> {}

interface Seen {
  readonly rows: ReadonlyArray<Row>
  readonly capacity: number
}

const measureAll = (plan: Plan): Effect.Effect<Seen, { readonly message: string }> =>
  Effect.gen(function*() {
    yield* server
    const progress = yield* Progress.make(contenders.length)
    const served = yield* capacity(plan.step)
    const rows = yield* Effect.forEach(contenders, ({ name }) =>
      Effect.zipLeft(measure(plan, name, served, progress.now), progress.advance))
    return { rows, capacity: served }
  }).pipe(Effect.scoped)

const write = (plan: Plan, { capacity, rows }: Seen, commit: string) => {
  const where = machineText(machine(), new Date(), commit, versions(["effect", "@effect/sql-pg", "pg", "postgres"]))
  return Effect.zipRight(
    writeRegions("docs/overload.md", {
      run: `${where} ${conditions(rows, plan, capacity)}`,
      flood: floodTable(rows, plan),
      loads: loadTable(rows, plan)
    }),
    writeBeside("docs/overload.svg", drawing(rows, plan))
  )
}

const judge = (rows: ReadonlyArray<Row>) =>
  Effect.gen(function*() {
    const row = rows.find(({ name }) => name === controlled)
    if (row?._tag !== "Measured") {
      return yield* new Collapsed({ message: `${controlled}: ${row?.why ?? "not measured"}` })
    }
    const said = `${controlled} keeps ${percent(row.kept)} of its best goodput`
    yield* Console.log(`\n${said}.`)
    if (row.kept < bound) return yield* new Collapsed({ message: `${said}: ${percent(bound)} at least are wanted.` })
  })

const overload = ({ docs, quick: isQuick, seconds }: Arguments) =>
  Effect.gen(function*() {
    const plan = isQuick ? quick(seconds) : full(seconds)
    const seen = yield* measureAll(plan)
    yield* Console.log(conditions(seen.rows, plan, seen.capacity))
    yield* Console.log(`\n${floodTable(seen.rows, plan)}\n\n${loadTable(seen.rows, plan)}`)
    for (const row of seen.rows) {
      if (row._tag === "Measured" && row.failure !== undefined) {
        yield* Console.log(`\n${row.name} failed: ${row.failure}`)
      }
    }
    if (docs) yield* write(plan, seen, yield* head)
    if (!isQuick) yield* judge(seen.rows)
  })

const main = Effect.gen(function*() {
  const args = yield* parse(process.argv.slice(2))
  yield* args.help ? Console.log(usage) : overload(args)
})

runMain(main)
