import pg from "pg"
import type { PgQueryOptions } from "../../PgConnection.js"
import type { DriverClient } from "./driver.js"

type Answered = (error: unknown, result: unknown) => void

/** What pg's connection remembers of named statements: those that the server has, and those that it was sent, each with its text. */
interface Names {
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}

const namesOf = (client: Pick<DriverClient, "connection">): Names => client.connection as unknown as Names

const drop = ({ parsedStatements, submittedNamedStatements }: Names, name: string): void => {
  delete parsedStatements[name]
  delete submittedNamedStatements[name]
}

/** The server has forgotten it. */
export const forget = (client: DriverClient, name: string): void => drop(namesOf(client), name)

/** The server has forgotten all of them. */
export const forgetAll = (client: DriverClient): void => {
  for (const name of Object.keys(namesOf(client).parsedStatements)) forget(client, name)
}

/** What pg's Query has, that @types/pg does not know of. */
declare class Query {
  constructor(config: string | object, values: ReadonlyArray<unknown> | undefined, answered: Answered)
  name: string | undefined
  submit(connection: Names): Error | null
  handleError(error: unknown, connection: Names): void
}

class Statement extends (pg.Query as unknown as typeof Query) {
  private isSubmitting = false
  /** What kept it from being sent. `null` where it was; undefined where the driver did not try. */
  refused: Error | null | undefined = undefined

  override submit(connection: Names): Error | null {
    this.isSubmitting = true
    this.refused = super.submit(connection)
    this.isSubmitting = false
    return this.refused
  }

  /**
   * What comes before `submit` has returned is about values that cannot be written. pg has the server forget the statement then, and would
   * go on to take it for prepared.
   */
  override handleError(error: unknown, connection: Names): void {
    if (this.isSubmitting && this.name !== undefined) {
      drop(connection, this.name)
      this.name = undefined
    }
    super.handleError(error, connection)
  }
}

/** The protocol counts them with 16 bits: with more, the server would take the connection for broken. */
const mostValues = 65_535

/**
 * Gives pg a statement that is prepared, or that may be behind others, and others behind it. In a pipeline, what throws was not sent, and pg tells
 * of all others what became of them.
 *
 * The first to ask for a name has the server prepare it. Until that is done, others with the same text do without: if it fails, there is
 * nothing of that name for them.
 *
 * A text is not put into an object where that can be avoided: pg makes an expensive copy of it.
 */
export const ask = (
  client: DriverClient,
  text: string,
  values: ReadonlyArray<unknown> | undefined,
  options: PgQueryOptions | undefined,
  answered: Answered
): void => {
  if (values !== undefined && values.length > mostValues) {
    throw new Error(`a statement can have ${mostValues} parameters at most`)
  }
  const name = options?.name
  const config = options?.rowMode === undefined && options?.types === undefined ? text : { ...options, text, name: "" }
  const statement = new Statement(config, values, answered)
  if (name !== undefined && namesOf(client).submittedNamedStatements[name] !== text) statement.name = name
  client.query(statement as never)
  const { refused } = statement
  if (client.pipeline && refused !== null) throw refused ?? new Error("the driver takes nothing any more")
}

/** The server forgets a prepared statement, in its turn. A statement for pg, which refuses what it does not know where several are on their way. */
class Close extends Statement {
  constructor(private readonly prepared: string, answered: Answered) {
    super("", undefined, answered)
  }

  override submit(connection: Names & { close: (what: object) => void; sync: () => void }): null {
    connection.close({ type: "S", name: this.prepared })
    connection.sync()
    this.refused = null
    return null
  }
}

export const close = (client: DriverClient, name: string, answered: Answered): void => {
  client.query(
    new Close(name, (error, result) => {
      forget(client, name)
      answered(error, result)
    }) as never
  )
}
