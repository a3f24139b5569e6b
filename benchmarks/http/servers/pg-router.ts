/** The bank on pg.Pool and @effect/platform: one promise in each handler. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import pg from "pg"
import { url } from "../../measure/url.js"
import { Refusal } from "../bank.js"
import { poolSize } from "../listen.js"
import { make } from "../promises.js"
import { listen, router } from "../router.js"

/** What the promise answers, or the refusal that it answers as a failure. */
const from = <A>(run: () => Promise<A | Refusal>): Effect.Effect<A, Refusal | Error> =>
  Effect.flatMap(
    Effect.tryPromise({ try: run, catch: (error) => error as Error }),
    (value) => value instanceof Refusal ? Effect.fail(value) : Effect.succeed(value)
  )

export const start = (): Promise<number> => {
  const bank = make(new pg.Pool({ connectionString: url(), max: poolSize }))
  return listen(
    router({
      transfer: (transfer) => from(() => bank.transfer(transfer)),
      account: (id) => from(() => bank.account(id))
    }),
    Layer.empty
  )
}
