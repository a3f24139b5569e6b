/** The shop over HTTP, where each request is one transaction. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Shop } from "./shop.js"

const Order = Schema.Struct({ product: Schema.NonEmptyString, amount: Schema.Int.pipe(Schema.positive()) })

const say = (status: number, text: string) => HttpServerResponse.text(text, { status })

/** An order that fails, as one that is answered with 400 or above, is rolled back. Where nobody can tell, the client is told so. */
export const router = HttpRouter.empty.pipe(
  HttpRouter.post(
    "/orders",
    Effect.gen(function*() {
      const shop = yield* Shop
      const { amount, product } = yield* HttpServerRequest.schemaBodyJson(Order)
      return say(200, `${yield* shop.order(product, amount)} left`)
    })
  ),
  HttpRouter.use(RequestTransaction.middleware()),
  HttpRouter.catchTags({
    SoldOut: ({ left }) => say(409, `only ${left} left`),
    CommitFailed: ({ reason }) => reason === "Conflict" ? say(409, "ask again") : say(500, "look before you ask again")
  })
)
