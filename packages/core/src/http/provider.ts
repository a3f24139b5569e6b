/** A service for each request, in the three routers of @effect/platform. */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Handling } from "./Life.js"
import { Life } from "./Life.js"
import type { Provider } from "./model.js"

/** How a service of a request begins. */
export interface Definition<Self, Service, R, Failure> {
  readonly tag: Context.Tag<Self, Service>
  /** Runs before the handler, uninterruptibly: it does not wait. */
  readonly begin: (request: HttpServerRequest) => Effect.Effect<Handling<Service>, never, R>
  /** What an HttpApi with the service can fail with because of it. */
  readonly failure: Failure
}

/** Which life a service belongs to: on the service itself, as a WeakMap of what lives so shortly is a burden to the collector. */
const life: unique symbol = Symbol("@cenote/core/RequestConnection/life")

interface Living {
  [life]?: Life<unknown>
}

/** Provides a service to each request. */
export const make = <Self, Service extends object, R, Failure extends Schema.Schema.All>(
  definition: Definition<Self, Service, R, Failure>
): Provider<Self, Service, R, Failure> => {
  const { tag } = definition

  /** The service of an outer middleware of the same request. One within another would be a second connection. */
  const outer = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Service | undefined => {
    const service = Option.getOrUndefined(Context.getOption(fiber.currentContext, tag))
    return service !== undefined && (service as Living)[life]?.isHandling === true ? service : undefined
  }

  /** Begins, and sees to it that it ends where the handler's end cannot be seen. Must be run uninterruptibly. */
  const begin = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<Life<Service>, never, R | Scope.Scope> => {
    const request = Context.unsafeGet(fiber.currentContext, HttpServerRequest)
    const scope = Context.unsafeGet(fiber.currentContext, Scope.Scope)
    return Effect.flatMap(definition.begin(request), (handling) => {
      const begun = new Life(request, handling)
      ;(handling.service as Living)[life] = begun
      return Effect.as(
        Effect.zipRight(
          HttpApp.appendPreResponseHandler((_, response) =>
            Effect.uninterruptible(Effect.map(begun.returned(response), (response) => begun.head(response)))
          ),
          // Not Effect.addFinalizer: it captures all that the fiber has, and compares it afterwards.
          Scope.addFinalizerExit(scope, (exit) => begun.finish(exit))
        ),
        begun
      )
    })
  }

  const middleware: Provider<Self, Service, R, Failure>["middleware"] = (handler) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime((fiber) => {
        const service = outer(fiber)
        if (service !== undefined) return restore(Effect.provideService(handler, tag, service))
        return Effect.flatMap(begin(fiber), (begun) =>
          Effect.matchCauseEffect(restore(Effect.provideService(handler, tag, begun.service)), {
            onFailure: (cause) =>
              Effect.zipRight(begun.failed(cause), Effect.failCause(cause)),
            onSuccess: (response) => begun.returned(response)
          }))
      })
    )

  const layerRouter = HttpLayerRouter.middleware<{ provides: Self }>()(
    Effect.map(
      Effect.context<R>(),
      (context) => (handler) => Effect.mapInputContext(middleware(handler), (input) => Context.merge(context, input))
    )
  ).layer

  const Api = HttpApiMiddleware.Tag<any>()(`${tag.key}/Api`, { provides: tag, failure: definition.failure })

  /**
   * It cannot wrap the handler. What the handler returns is seen when the response is about to be sent; where it runs in a fiber
   * of its own, as in a timeout, and is interrupted, the end of that fiber is seen.
   */
  const provide: Effect.Effect<Service, never, R | HttpRouter.HttpRouter.Provided> = Effect.uninterruptible(
    Effect.withFiberRuntime((fiber) => {
      const service = outer(fiber)
      if (service !== undefined) return Effect.succeed(service)
      return Effect.map(begin(fiber), (begun) => {
        fiber.addObserver((exit) => {
          // In a race, a fiber that was interrupted succeeds: with its exit.
          const interrupted = fiber.getFiberRef(FiberRef.interruptedCause)
          if (Exit.isFailure(exit)) begun.finishLater(exit)
          else if (!Cause.isEmpty(interrupted)) begun.finishLater(Exit.failCause(interrupted))
        })
        return begun.service
      })
    })
  )

  const layerApi = Layer.effect(
    Api,
    Effect.map(
      Effect.context<R>(),
      (context) =>
        Effect.mapInputContext(
          provide,
          (input: Context.Context<HttpRouter.HttpRouter.Provided>) => Context.merge(context, input)
        )
    )
  )

  return { middleware, layerRouter, Api, layerApi } as unknown as Provider<Self, Service, R, Failure>
}
