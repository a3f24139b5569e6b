/** A console as a router of @effect/platform. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { InvalidOption } from "../model/errors.js"
import { InvalidOptions } from "../model/errors.js"
import { decodeFinite } from "../model/settings.js"
import { Feed } from "./Feed.js"
import type { Options } from "./model.js"
import type { Route } from "./routes.js"
import { routesOf } from "./routes.js"

/** More often would cost more than it shows. In milliseconds. */
const LEAST = 100

const decode = (options: Options<any>): Either.Either<number, InvalidOptions> => {
  const { authorize, pools, read, sampleEvery = Duration.seconds(1), server, stopping } = options
  const issues: Array<InvalidOption> = []
  const say = (field: string, problem: string) => void issues.push({ field, problem })
  if (typeof pools !== "object" || pools === null) say("pools", "must be an object, as { orders: pool }")
  if (read !== "anyone" && !Effect.isEffect(read)) {
    say("read", "must say who may read: \"anyone\", or an Effect that runs for each request and refuses it by failing")
  }
  if (authorize !== undefined && typeof authorize !== "function") {
    say("authorize", "must be a function that gives an Effect, which refuses an action by failing")
  }
  if (stopping !== undefined && !Effect.isEffect(stopping)) {
    say("stopping", "must be an Effect that ends when the server is told to stop")
  }
  for (const name of Object.keys(server ?? {})) {
    if (!Object.hasOwn(pools ?? {}, name)) say("server", `has ${JSON.stringify(name)}, which is none of the pools`)
  }
  const every = Either.mapLeft(decodeFinite("sampleEvery", sampleEvery), (error) => issues.push(...error.issues))
  if (Either.isRight(every) && every.right < LEAST) say("sampleEvery", `must be at least ${LEAST} milliseconds`)
  return issues.length > 0 || Either.isLeft(every) ? Either.left(new InvalidOptions({ issues })) : every as never
}

const make = <R>(options: Options<R>) =>
  Effect.gen(function*() {
    const every = yield* Either.match(decode(options), { onLeft: Effect.fail, onRight: Effect.succeed })
    const runtime = yield* Effect.runtime<never>()
    const pools = Object.entries(options.pools).map(([name, pool]) => ({ name, pool }))
    return routesOf(options, new Feed(pools, every, runtime))
  })

const handled = <R>({ handler }: Route<R>) => Effect.flatMap(HttpRouter.params, handler)

export const router = <R>(options: Options<R>) =>
  Effect.map(
    make(options),
    (routes) =>
      HttpRouter.fromIterable(routes.map((route) => HttpRouter.makeRoute(route.method, route.path, handled(route))))
  )

export const layer = <R>(path: `/${string}`, options: Options<R>) =>
  HttpLayerRouter.use((router) =>
    Effect.flatMap(
      make(options),
      (routes) =>
        router.prefixed(path).addAll(
          routes.map((route) => HttpLayerRouter.route(route.method, route.path, handled(route)))
        )
    )
  )
