/** The bank on pg.Pool and node:http. It has no Effect in it. */
import pg from "pg"
import { url } from "../../measure/url.js"
import { poolSize } from "../listen.js"
import { portOf, serve } from "../node.js"
import { make } from "../promises.js"

export const start = async (): Promise<number> =>
  portOf(await serve(make(new pg.Pool({ connectionString: url(), max: poolSize }))))
