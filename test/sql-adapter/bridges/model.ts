/** Model: repositories, and loaders that make one statement of many requests. */
import * as Model from "@effect/sql/Model"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as String from "effect/String"
import type { Dialect, Subject, Test } from "./subject.js"
import { recorded } from "./subject.js"

class Product extends Model.Class<Product>("Product")({
  id: Model.Generated(Schema.Int),
  productName: Schema.String,
  price: Schema.Int,
  tags: Model.JsonFromString(Schema.Array(Schema.String)),
  note: Model.FieldOption(Schema.String)
}) {}

const product = (productName: string, price = 1) =>
  Product.insert.make({ productName, price, tags: ["new", "red"], note: Option.none() })

const keys: Record<Dialect, string> = {
  pg: "serial primary key",
  mysql: "int auto_increment primary key",
  sqlite: "integer primary key autoincrement"
}

/** The names in the database, and those in a Model. */
const names = { transformQueryNames: String.camelToSnake, transformResultNames: String.snakeToCamel }

let tables = 0

const products = (dialect: Dialect) =>
  Effect.gen(function*() {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const tableName = `products_${tables++}`
    yield* sql`drop table if exists ${sql(tableName)}`
    yield* sql`create table ${sql(tableName)} (
      id ${sql.literal(keys[dialect])},
      product_name varchar(100) not null unique,
      price int not null,
      tags text not null,
      note text
    )`
    yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table if exists ${sql(tableName)}`))
    return { tableName, spanPrefix: "products", idColumn: "id" } as const
  })

const count = (tableName: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => Effect.map(sql<{ n: number }>`select count(*) as n from ${sql(tableName)}`, ([row]) => Number(row!.n))
  )

const many = Array.from({ length: 20 }, (_, index) => `product ${index}`)

/** Asks for all at once. */
const together = <A, B, E, R>(items: ReadonlyArray<A>, f: (item: A) => Effect.Effect<B, E, R>) =>
  Effect.forEach(items, f, { concurrency: "unbounded", batching: true })

export const models = <P, R>(test: Test<P, R>, { dialect }: Subject<P, R>): void => {
  test(
    "Model: a repository inserts, updates, finds and deletes",
    Effect.gen(function*() {
      const options = yield* products(dialect)
      const repository = yield* Model.makeRepository(Product, options)
      const chair = yield* repository.insert(product("chair", 20))
      expect(chair).toBeInstanceOf(Product)
      expect(chair).toMatchObject({ productName: "chair", price: 20, tags: ["new", "red"], note: Option.none() })
      expect(yield* repository.insertVoid(product("table"))).toBeUndefined()
      const cheaper = yield* repository.update(
        Product.update.make({ ...chair, price: 15, note: Option.some("it's on sale") })
      )
      expect(cheaper).toMatchObject({ id: chair.id, price: 15, note: Option.some("it's on sale") })
      expect(yield* repository.findById(chair.id)).toEqual(Option.some(cheaper))
      yield* repository.updateVoid(Product.update.make({ ...cheaper, price: 10 }))
      expect(Option.getOrThrow(yield* repository.findById(chair.id)).price).toBe(10)
      yield* repository.delete(chair.id)
      expect(yield* repository.findById(chair.id)).toEqual(Option.none())
      expect(yield* count(options.tableName)).toBe(1)
    }),
    names
  )

  test(
    "Model: what a repository did in a transaction is rolled back with it",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const options = yield* products(dialect)
      const repository = yield* Model.makeRepository(Product, options)
      const exit = yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        const chair = yield* repository.insert(product("chair"))
        expect(yield* repository.findById(chair.id)).toEqual(Option.some(chair))
        return yield* Effect.fail("no")
      })))
      expect(exit._tag).toBe("Failure")
      expect(yield* count(options.tableName)).toBe(0)
    }),
    names
  )

  test(
    "Model: loaders make one statement of many requests",
    Effect.gen(function*() {
      const options = yield* products(dialect)
      // The loaders' statements are those of whoever made them.
      const { texts, value } = yield* recorded(Effect.gen(function*() {
        const loaders = yield* Model.makeDataLoaders(Product, { ...options, window: 20 })
        yield* together(many, (name) => loaders.insertVoid(product(name)))
        const inserted = yield* together(many, (name) => loaders.insert(product(`${name} again`)))
        const found = yield* together(inserted, ({ id }) => loaders.findById(id))
        yield* together(inserted, ({ id }) => loaders.delete(id))
        return { inserted, found }
      }))
      expect(value.inserted.map(({ productName }) => productName)).toEqual(many.map((name) => `${name} again`))
      expect(value.found).toEqual(value.inserted.map(Option.some))
      expect(yield* count(options.tableName)).toBe(many.length)
      const verbs = texts.map((text) => text.split(" ")[0])
      // MySQL gives no rows back from an INSERT, so @effect/sql has one for each row.
      expect(verbs).toEqual([
        "insert",
        ...(dialect === "mysql" ? many.map(() => "insert") : ["insert"]),
        "select",
        "delete"
      ])
    }),
    names
  )

  test(
    "Model: a loader's batch that fails fails each of its requests",
    Effect.gen(function*() {
      const options = yield* products(dialect)
      const loaders = yield* Model.makeDataLoaders(Product, { ...options, window: 20 })
      yield* loaders.insertVoid(product("chair"))
      const exits = yield* together(["table", "chair"], (name) => Effect.exit(loaders.insertVoid(product(name))))
      expect(exits.map(({ _tag }) => _tag)).toEqual(["Failure", "Failure"])
      expect(yield* count(options.tableName)).toBe(1)
    }),
    names
  )
}
