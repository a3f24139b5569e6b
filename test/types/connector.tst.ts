import * as Connector from "@cenote/core/Connector"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"
import { open } from "./support.js"

class Log extends Context.Tag("types/Log")<Log, { readonly line: (text: string) => void }>() {}
class Metrics extends Context.Tag("types/Metrics")<Metrics, { readonly count: () => void }>() {}

describe("Connector.make", () => {
  test("takes the Scope off what open needs", () => {
    expect(Connector.make({ open })).type.toBe<Connector.Connector<Connection, Refused, Network>>()
    expect(Connector.make({ open: Effect.succeed(1) })).type.toBe<Connector.Connector<number>>()
  })

  test("adds what check, ping and reset need", () => {
    expect(Connector.make({
      open,
      check: () => Effect.map(Log, () => true),
      ping: () => Effect.fail("whatever it fails with"),
      reset: () => Metrics
    })).type.toBe<Connector.Connector<Connection, Refused, Network | Log | Metrics>>()
  })

  test("knows the connection in each callback", () => {
    Connector.make({
      open,
      check: (connection) => Effect.sync(() => expect(connection).type.toBe<Connection>()),
      reset: (connection) => Effect.sync(() => expect(connection).type.toBe<Connection>()),
      ping: (connection) => Effect.sync(() => expect(connection).type.toBe<Connection>()),
      needsReset: (connection) => {
        expect(connection).type.toBe<Connection>()
        return true
      },
      isBroken: (connection) => {
        expect(connection).type.toBe<Connection>()
        return false
      },
      onLost: (connection, lost) => {
        expect(connection).type.toBe<Connection>()
        expect(lost).type.toBe<(reason: unknown) => void>()
      },
      abort: (connection) => {
        expect(connection).type.toBe<Connection>()
      }
    })
  })

  test("does not take steps that cannot be", () => {
    expect(Connector.make).type.not.toBeCallableWith({})
    expect(Connector.make).type.not.toBeCallableWith({ open: () => open })
    expect(Connector.make).type.not.toBeCallableWith({ open, check: () => true })
    expect(Connector.make).type.not.toBeCallableWith({ open, isBroken: () => Effect.succeed(true) })
    expect(Connector.make).type.not.toBeCallableWith({ open, abort: 1 })
    expect(Connector.make).type.not.toBeCallableWith({ open, close: () => Effect.void })
  })

  test("each optional step may be undefined", () => {
    expect(Connector.make).type.toBeCallableWith({
      open,
      name: undefined,
      check: undefined,
      ping: undefined,
      reset: undefined,
      needsReset: undefined,
      isBroken: undefined,
      onLost: undefined,
      abort: undefined
    })
  })
})

describe("Connector.from", () => {
  test("gives a Connector of an Effect without its Scope, and a Connector as it is", () => {
    expect(Connector.from(open)).type.toBe<Connector.Connector<Connection, Refused, Network>>()
    expect(Connector.from({} as Connector.Connector<Connection, Refused, Network>)).type.toBe<
      Connector.Connector<Connection, Refused, Network>
    >()
  })
})

describe("a Connector", () => {
  test("varies with its error and its services, and not with its connection", () => {
    expect<Connector.Connector<Connection>>().type.toBeAssignableTo<Connector.Connector<Connection, Refused, Network>>()
    expect<Connector.Connector<Connection, Refused>>().type.not.toBeAssignableTo<Connector.Connector<Connection>>()
    expect<Connector.Connector<Connection, never, Scope.Scope>>().type.not.toBeAssignableTo<
      Connector.Connector<Connection>
    >()
  })
})
