import * as Effect from "effect/Effect"
import type { PgQueryOptions } from "../../PgConnection.js"
import type { PgQueryError } from "../../PgError.js"
import { Job as BaseJob } from "../wire/job.js"
import type { Work as WireWork } from "../wire/work.js"
import type { DriverClient } from "./driver.js"
import { isPlain } from "./plain.js"
import { ask } from "./statement.js"

/** pg answers several statements with several results. */
const last = (result: unknown): unknown => Array.isArray(result) ? result[result.length - 1] : result

/** What has its turn on the wire, and what is told to it. */
export interface Work extends WireWork<PgQueryError> {
  /** Whether the driver may have it behind others, and others behind it. */
  readonly mayShare: boolean
  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void
  succeed(result: unknown): void
}

export class Job extends BaseJob<any, PgQueryError> implements Work {
  constructor(
    sql: string,
    whenLeft: "cancel" | "finish",
    private readonly params?: ReadonlyArray<unknown>,
    private readonly options?: PgQueryOptions,
    private readonly pick: (result: unknown) => unknown = last
  ) {
    super(sql, whenLeft)
  }

  get mayShare(): boolean {
    return this.whenLeft === "cancel" && isPlain(this.sql)
  }

  succeed(result: unknown): void {
    this.resolve(Effect.succeed(this.pick(result)))
  }

  /** Gives it to pg, which is slower with an object than with a text where one has to wait for the other. */
  start(client: DriverClient, answered: (error: unknown, result: unknown) => void): void {
    const values = this.params as Array<unknown> | undefined
    if (client.pipeline || this.options?.name !== undefined) {
      return ask(client, this.sql, values, this.options, answered)
    }
    const query = this.options === undefined ? this.sql : { text: this.sql, ...this.options }
    if (values === undefined) client.query(query as string, answered)
    else client.query(query as string, values, answered)
  }
}
