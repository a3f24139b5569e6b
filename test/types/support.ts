/** A connector with an error and a service, for tests of what is inferred of it. */
import * as Connector from "@cenote/core/Connector"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Connection {
  readonly host: string
}

export interface Refused {
  readonly _tag: "Refused"
}

export class Network extends Context.Tag("types/Network")<Network, { readonly name: string }>() {}

export declare const open: Effect.Effect<Connection, Refused, Network | Scope.Scope>

export const connector = Connector.make({ open })

export const plain = Effect.succeed(1)
