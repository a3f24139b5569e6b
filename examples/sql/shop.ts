/** A shop on any SqlClient: nothing here knows which database it is, or that there is a pool. */
import { RequestTransaction } from "@cenote/sql-adapter/RequestTransaction"
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlSchema from "@effect/sql/SqlSchema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export class SoldOut extends Data.TaggedError("SoldOut")<{ readonly product: string; readonly left: number }> {}

const Product = Schema.Struct({ name: Schema.String, stock: Schema.Number })

/** Each is run once, in order, in a transaction. */
export const migrate = Migrator.make({})({
  loader: Migrator.fromRecord({
    "0001_products": Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql`create table products (name varchar(100) primary key, stock integer not null)`
    ),
    "0002_orders": Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql`create table orders (product varchar(100) not null, amount integer not null)`
    )
  })
})

export class Shop extends Effect.Service<Shop>()("example/Shop", {
  effect: Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient

    const find = SqlSchema.findOne({
      Request: Schema.String,
      Result: Product,
      execute: (name) => sql`select name, stock from products where name = ${name}`
    })

    return {
      stockUp: (name: string, stock: number) => sql`insert into products ${sql.insert({ name, stock })}`,

      /** The stock and the order change together or not at all: so it asks for a transaction, and does not compile without. */
      order: (product: string, amount: number) =>
        Effect.gen(function*() {
          yield* RequestTransaction
          yield* sql`update products set stock = stock - ${amount} where name = ${product}`
          const { stock } = Option.getOrThrow(yield* find(product))
          if (stock < 0) return yield* new SoldOut({ product, left: stock + amount })
          yield* sql`insert into orders ${sql.insert({ product, amount })}`
          return stock
        }),

      stock: (product: string) =>
        Effect.map(find(product), Option.match({ onNone: () => 0, onSome: ({ stock }) => stock })),

      /** Read while it is consumed, however many there are. */
      sold: sql<{ amount: number }>`select amount from orders`.stream.pipe(
        Stream.runFold(0, (sum, { amount }) => sum + amount)
      )
    }
  })
}) {}
