/** Whether a server is the bank that is measured: the same answers, in the same transactions, as all others. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Database, DatabaseFailed } from "./database.js"
import { balance } from "./requests.js"

export class Differs extends Data.TaggedError("Differs")<{ readonly message: string }> {}

interface Question {
  readonly asked: readonly [method: "GET" | "POST", path: string, body?: string]
  readonly status: number
  readonly answer: Readonly<Record<string, unknown>>
}

const transfer = (from: unknown, to: unknown, amount: unknown): Question["asked"] => [
  "POST",
  "/transfers",
  JSON.stringify({ from, to, amount })
]

const account = (id: unknown): Question["asked"] => ["GET", `/accounts/${id}`]

const noTransfer = { status: 400, answer: { error: "This is no transfer." } }
const noAccount = { status: 400, answer: { error: "This is no account." } }

/** One after the other. */
const conversation: ReadonlyArray<Question> = [
  { asked: account(1), status: 200, answer: { id: 1, balance } },
  { asked: transfer(1, 2, 7), status: 201, answer: { id: 1, from: 1, to: 2, amount: 7 } },
  { asked: account(1), status: 200, answer: { id: 1, balance: balance - 7 } },
  { asked: account(2), status: 200, answer: { id: 2, balance: balance + 7 } },
  // Whoever pays first, whoever is paid first: nothing of it stays.
  { asked: transfer(1, 2, balance), status: 409, answer: { error: "Account 1 has too little." } },
  { asked: transfer(2, 900_000, 5), status: 404, answer: { error: "There is no account 900000." } },
  { asked: transfer(900_000, 2, 5), status: 404, answer: { error: "There is no account 900000." } },
  { asked: account(1), status: 200, answer: { id: 1, balance: balance - 7 } },
  { asked: account(2), status: 200, answer: { id: 2, balance: balance + 7 } },
  { asked: account(900_000), status: 404, answer: { error: "There is no account 900000." } },
  { asked: account("one"), ...noAccount },
  { asked: account(0), ...noAccount },
  { asked: account(1.5), ...noAccount },
  { asked: transfer(1, 1, 5), ...noTransfer },
  { asked: transfer(1, 2, -5), ...noTransfer },
  { asked: transfer("1", 2, 5), ...noTransfer },
  { asked: transfer(1, 2, undefined), ...noTransfer },
  { asked: ["POST", "/transfers", "{"], ...noTransfer },
  { asked: transfer(2, 1, 7), status: 201, answer: { id: 2, from: 2, to: 1, amount: 7 } }
]

/** At once, to and fro between two accounts, so that they wait for each other. */
const crowd: ReadonlyArray<Question["asked"]> = Array.from(
  { length: 40 },
  (_, index) => index % 2 === 0 ? transfer(3, 4, 1) : transfer(4, 3, 1)
)

/** Notes, in the transaction that does it, what is written. */
const observe = `
  create table noted (number int generated always as identity, transaction xid8, isolation text, what text);
  create function note() returns trigger language plpgsql as $$ begin
    insert into noted (transaction, isolation, what)
    values (pg_current_xact_id(), current_setting('transaction_isolation'), tg_table_name || ' ' || lower(tg_op));
    return null;
  end $$;
  create trigger note after insert or update on account for each row execute function note();
  create trigger note after insert or update on transfer for each row execute function note()`

const observed = `
  select string_agg(what, ', ' order by number) || ' (' || string_agg(distinct isolation, ', ') || ')' as transaction
  from noted group by noted.transaction order by min(number)`

const unobserve = "drop function if exists note cascade; drop table if exists noted"

const transaction = "account update, account update, transfer insert (read committed)"

export interface Answered {
  readonly status: number
  readonly type: string | null
  readonly length: string | null
  readonly body: string
}

/** How it differs from what was to be answered. */
export const difference = ({ answer, asked, status }: Question, given: Answered): string | undefined => {
  const body = JSON.stringify(answer)
  const expected: Answered = { status, type: "application/json", length: String(Buffer.byteLength(body)), body }
  const shown = ({ body, length, status, type }: Answered) => `${status}, ${length} bytes of ${type}: ${body}`
  return shown(given) === shown(expected)
    ? undefined
    : `${asked.join(" ")} is answered with ${shown(given)}, not with ${shown(expected)}`
}

const ask = (port: number, [method, path, body]: Question["asked"]): Effect.Effect<Answered, Differs> =>
  Effect.tryPromise({
    try: async (signal) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" }
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body: body ?? null, signal })
      const { headers: given, status } = response
      return {
        status,
        type: given.get("content-type"),
        length: given.get("content-length"),
        body: await response.text()
      }
    },
    catch: (error) => new Differs({ message: `${method} ${path} is not answered: ${String(error)}` })
  })

/** Asks everything that can be asked. */
export const check = (database: Database, port: number): Effect.Effect<void, Differs | DatabaseFailed> =>
  Effect.gen(function*() {
    yield* database.reset
    yield* database.query(`${unobserve}; ${observe}`)
    for (const question of conversation) {
      const different = difference(question, yield* ask(port, question.asked))
      if (different !== undefined) return yield* new Differs({ message: different })
    }
    const transfers = yield* database.query(observed)
    for (const { transaction: found } of transfers) {
      if (found !== transaction) {
        return yield* new Differs({ message: `A transfer is ${String(found)}, not ${transaction}` })
      }
    }
    const statuses = yield* Effect.forEach(crowd, (asked) => ask(port, asked), { concurrency: "unbounded" })
    const failed = statuses.find(({ status }) => status !== 201)
    if (failed !== undefined) return yield* new Differs({ message: `One of many at once: ${failed.body}` })
    yield* database.audit(crowd.length + conversation.filter(({ status }) => status === 201).length)
  }).pipe(Effect.ensuring(Effect.ignore(database.query(unobserve))))
