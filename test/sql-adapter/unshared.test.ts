/** Connections that do one thing at a time are not shared: a transaction would have others' statements in it. */
import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const concurrency = { concurrency: 5 }

const layers = {
  // Nobody connects: it is refused before.
  MysqlPool: MysqlPool.layer({ connection: { url: Redacted.make("mysql://nobody@127.0.0.1:1/none") }, ...concurrency }),
  SqlitePool: SqlitePool.layer({ connection: { filename: ":memory:" }, ...concurrency })
}

for (const [name, layer] of Object.entries(layers)) {
  it.scoped(`${name} refuses concurrency, and says what to write instead`, () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Layer.build(layer as Layer.Layer<unknown, { readonly _tag: string; readonly message: string }>)
      )
      expect(error._tag).toBe("InvalidOptions")
      expect(error.message).toContain("concurrency")
      expect(error.message).toContain("raise maxSize")
    }))
}
