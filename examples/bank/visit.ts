/** A page for a visitor: it has a slider for the load, buttons that hurt the database, and the pool's console. */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import type { Crowd } from "./crowd.js"
import type { Hurt } from "./hurt.js"

export const mostClients = 1000

const Load = Schema.Struct({ clients: Schema.Int.pipe(Schema.between(0, mostClients)) })

const Harm = Schema.Union(
  Schema.Struct({ harm: Schema.Literal("kill", "restart") }),
  Schema.Struct({ harm: Schema.Literal("freeze"), seconds: Schema.Number.pipe(Schema.between(1, 60)) })
)

const file = (name: string, contentType: string) => {
  const text = readFileSync(new URL(`page/${name}`, import.meta.url), "utf8")
  return HttpServerResponse.text(text, {
    contentType,
    headers: {
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:"
    }
  })
}

/** Another site's page must not make a browser hurt the database: this header it cannot send. */
const isOwn = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) => headers["x-bank"] === "1")

const own = <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.if(isOwn, {
    onTrue: () => handler,
    onFalse: () =>
      Effect.succeed(HttpServerResponse.unsafeJson({ error: "Send the header x-bank: 1." }, { status: 403 }))
  })

const begin = (hurt: Hurt, asked: typeof Harm.Type) => {
  switch (asked.harm) {
    case "kill":
      return hurt.kill
    case "restart":
      return hurt.restart
    case "freeze":
      return hurt.freeze(Duration.seconds(asked.seconds))
  }
}

export const router = (crowd: Crowd, hurt: Hurt) =>
  HttpRouter.empty.pipe(
    HttpRouter.get("/", file("visit.html", "text/html; charset=utf-8")),
    HttpRouter.get("/visit.css", file("visit.css", "text/css; charset=utf-8")),
    HttpRouter.get("/visit.js", file("visit.js", "text/javascript; charset=utf-8")),
    HttpRouter.get(
      "/visit",
      Effect.flatMap(
        Effect.all({ counts: crowd.counts, trouble: hurt.trouble }),
        ({ counts, trouble }) => HttpServerResponse.json({ ...counts, trouble })
      )
    ),
    HttpRouter.post(
      "/visit/clients",
      own(Effect.gen(function*() {
        const { clients } = yield* HttpServerRequest.schemaBodyJson(Load)
        yield* crowd.want(clients)
        return yield* HttpServerResponse.json({ clients })
      }))
    ),
    HttpRouter.post(
      "/visit/harm",
      own(Effect.gen(function*() {
        const asked = yield* HttpServerRequest.schemaBodyJson(Harm)
        // It goes on though its visitor leaves. What goes wrong is seen on the page.
        yield* Effect.forkDaemon(
          Effect.catchAll(begin(hurt, asked), (error) => Effect.logWarning(`${asked.harm}: ${error.message}`))
        )
        return yield* HttpServerResponse.json(asked, { status: 202 })
      }))
    )
  )
