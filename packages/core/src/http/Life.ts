/** What a service that belongs to one request is told of that request. */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import { bodyKind, withEnd } from "./body.js"
import { onDisconnect } from "./disconnect.js"

/**
 * A service of one request, and what it does as the request goes on. What it does runs uninterruptibly, in this order:
 * `returned` or `failed`, once; then `over`, once.
 */
export interface Handling<Service> {
  readonly service: Service
  /** The handler has returned a response, and nothing of it is sent yet. A defect takes the place of the response. */
  readonly returned: (response: HttpServerResponse) => Effect.Effect<HttpServerResponse>
  /** The handler has failed, died, or was interrupted. */
  readonly failed: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
  /** Nothing of the request runs any more: its body has ended or was cut off, or there is none. */
  readonly over: Effect.Effect<void>
  /** The last to see the head, also where another than the handler made the response. Default: leaves it as it is. */
  readonly head?: ((response: HttpServerResponse) => HttpServerResponse) | undefined
}

/**
 * Where a request stands.
 *
 * - `Handling`: its handler runs
 * - `Sending`: a response was returned, and its body may run
 * - `Over`
 */
type Phase = "Handling" | "Sending" | "Over"

/** Calls the parts of a `Handling`, each when it is due and once, whoever sees first that it is. */
export class Life<Service> {
  private phase: Phase = "Handling"
  private stopListening: () => void = constVoid

  constructor(private readonly request: HttpServerRequest, private readonly handling: Handling<Service>) {}

  get service(): Service {
    return this.handling.service
  }

  get isHandling(): boolean {
    return this.phase === "Handling"
  }

  head(response: HttpServerResponse): HttpServerResponse {
    return this.handling.head?.(response) ?? response
  }

  /** Must be run uninterruptibly, as all of these. */
  returned(response: HttpServerResponse): Effect.Effect<HttpServerResponse> {
    return Effect.suspend(() => {
      if (this.phase !== "Handling") return Effect.succeed(response)
      this.phase = "Sending"
      return Effect.matchCauseEffect(this.handling.returned(response), {
        onFailure: (cause) => Effect.zipRight(this.over, Effect.failCause(cause)),
        onSuccess: (response) => this.send(response)
      })
    })
  }

  private send(response: HttpServerResponse): Effect.Effect<HttpServerResponse> {
    switch (bodyKind(this.request, response)) {
      case "Complete":
        return Effect.as(this.over, response)
      case "Raw":
        return Effect.succeed(response)
      case "Stream":
        this.stopListening = onDisconnect(this.request, () => this.finishLater(Exit.void))
        return Effect.succeed(withEnd(response, this.over))
    }
  }

  failed(cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.phase !== "Handling") return this.over
      this.phase = "Sending"
      return Effect.zipRight(this.handling.failed(cause), this.over)
    })
  }

  private get over(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.phase === "Over") return Effect.void
      this.phase = "Over"
      this.stopListening()
      return Effect.uninterruptible(this.handling.over)
    })
  }

  /** However far it has come: it is over. */
  finish(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.uninterruptible(this.failed(Exit.isFailure(exit) ? exit.cause : Cause.empty))
  }

  /** As `finish`, from a listener. */
  finishLater(exit: Exit.Exit<unknown, unknown>): void {
    if (this.phase !== "Over") Effect.runFork(this.finish(exit))
  }
}
