import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { layer as postgres } from "../support/postgres.js"
import { isGone, isRunning, open, steps } from "./harness.js"
import { certificate, key } from "./tls.js"

layer(postgres({ tls: { certificate, key } }), { excludeTestServices: true, timeout: 60_000 })("TLS", (it) => {
  const trusted = { host: "localhost", ssl: { ca: certificate } }
  const usesTls = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

  it.scoped("is spoken with a certificate that is trusted", () =>
    Effect.gen(function*() {
      const connection = yield* open(trusted)
      expect((yield* connection.query(usesTls)).rows).toEqual([{ ssl: true }])
    }))

  it.scoped("is spoken by the cancel too, which checks the host's name though it connects by address", () =>
    Effect.gen(function*() {
      const connection = yield* open(trusted)
      const fiber = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* isRunning(connection.processId, "pg_sleep")
      yield* Fiber.interrupt(fiber)
      expect((yield* connection.query(usesTls)).rows).toEqual([{ ssl: true }])
      const aborted = yield* Effect.fork(Effect.flip(connection.query("select pg_sleep(600)")))
      yield* isRunning(connection.processId, "pg_sleep")
      steps.abort(connection)
      yield* Fiber.join(aborted)
      yield* isGone(connection.processId)
    }))

  it.scoped("never has its cancel hit the next query", () =>
    Effect.gen(function*() {
      const connection = yield* open(trusted)
      for (let round = 0; round < 20; round++) {
        yield* Effect.timeoutOption(connection.query("select pg_sleep(0.004)"), round % 10)
        const next = yield* connection.query("select pg_sleep(0.002), $1::int as round", [round])
        expect(next.rows).toMatchObject([{ round }])
      }
    }))

  it.scoped("is refused with a certificate that nobody has signed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(open({ host: "localhost", ssl: true }))
      expect(error).toMatchObject({ reason: "Tls", code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
      expect(error.message).toContain("Check ssl")
    }))

  it.scoped("is refused with a certificate for another host", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(open({ ...trusted, host: "127.0.0.1" }))
      expect(error).toMatchObject({ reason: "Tls", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
    }))
})
