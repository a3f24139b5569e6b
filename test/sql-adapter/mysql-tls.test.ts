import type { MysqlConnectorConfig } from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as net from "node:net"
import * as tls from "node:tls"
import { Mysql, suite } from "../support/mysql.js"
import { strangeServer, until } from "./harness.js"
import { greeting, isGone, isRunning, ok, open, openFake, packet, steps } from "./mysqlHarness.js"
import { certificate, key } from "./tls.js"

const ssl = 0x0800

/** A login that asks for TLS is that of a client without, later by one packet. */
const withSequence = (chunk: Buffer, change: number): Buffer => {
  const copy = Buffer.from(chunk)
  copy[3] = chunk[3]! + change
  return copy
}

/** Begins TLS when the client asks for it; the client's first bytes of it may have come with that. */
const secured = (plain: net.Socket, begun: (secure: tls.TLSSocket) => void): void => {
  plain.removeAllListeners("data")
  plain.once("data", (request: Buffer) => {
    plain.pause()
    if (request.length > 36) plain.unshift(request.subarray(36))
    const secure = new tls.TLSSocket(plain, { isServer: true, cert: certificate, key })
    secure.on("error", () => plain.destroy())
    begun(secure)
  })
}

/** Stands before a server without TLS, and speaks TLS for it. What is `injected` comes with the greeting, in clear text. */
const tlsFront = (
  target: { readonly host: string; readonly port: number },
  injected: Buffer = Buffer.alloc(0)
) =>
  strangeServer((plain) => {
    const upstream = net.connect(target.port, target.host)
    upstream.on("error", () => plain.destroy())
    upstream.on("close", () => plain.destroy())
    plain.on("close", () => upstream.destroy())
    upstream.once("data", (greets: Buffer) => {
      const capabilities = greets.indexOf(0, 5) + 1 + 4 + 8 + 1
      greets.writeUInt16LE(greets.readUInt16LE(capabilities) | ssl, capabilities)
      plain.write(Buffer.concat([greets, injected]))
      secured(plain, (secure) => {
        secure.once("data", (login: Buffer) => {
          const forwarded = withSequence(login, -1)
          forwarded.writeUInt32LE((forwarded.readUInt32LE(4) & ~ssl) >>> 0, 4)
          upstream.write(forwarded)
          upstream.once("data", (answer: Buffer) => {
            secure.write(withSequence(answer, 1))
            upstream.pipe(secure)
            secure.pipe(upstream)
          })
        })
      })
    })
  })

const trusted: MysqlConnectorConfig = { ssl: { ca: certificate } }

suite("tls", "TLS", (it) => {
  const openTls = (options: MysqlConnectorConfig) =>
    Effect.flatMap(
      Effect.flatMap(Mysql, (server) => tlsFront(server)),
      ({ port }) => open({ host: "localhost", port, ...options })
    )

  const usesTls = (connection: { readonly unsafeClient: unknown }) =>
    (connection.unsafeClient as { readonly stream: net.Socket }).stream instanceof tls.TLSSocket

  it.scoped("is spoken with a certificate that is trusted", () =>
    Effect.gen(function*() {
      const connection = yield* openTls(trusted)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      expect(usesTls(connection)).toBe(true)
      expect(yield* Stream.runCount(connection.stream("select * from seq_1_to_100000"))).toBe(100_000)
    }))

  it.scoped("is spoken where the URL says so, with the options that it has", () =>
    Effect.gen(function*() {
      const { database, password, user } = yield* Mysql
      const { port } = yield* tlsFront(yield* Mysql)
      const options = encodeURIComponent(JSON.stringify({ ca: certificate }))
      const url = Redacted.make(
        `mysql://${user}:${Redacted.value(password)}@localhost:${port}/${database}?ssl=${options}`
      )
      const connection = yield* open({ url, host: undefined, port: undefined })
      expect(usesTls(connection)).toBe(true)
    }))

  it.scoped("takes in nothing that came before it", () =>
    Effect.gen(function*() {
      // The first half of an OK, which what comes over TLS would complete.
      const { port } = yield* tlsFront(yield* Mysql, packet(2, ok()).subarray(0, 6))
      const connection = yield* open({ host: "localhost", port, ...trusted })
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("is spoken by the cancel too, which checks the host's name though it connects by address", () =>
    Effect.gen(function*() {
      const connection = yield* openTls(trusted)
      const fiber = yield* Effect.fork(connection.query("select sleep(600)"))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(fiber)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      const aborted = yield* Effect.fork(Effect.flip(connection.query("select sleep(600)")))
      yield* isRunning(connection.threadId, "sleep")
      steps.abort(connection)
      yield* Fiber.join(aborted)
      yield* isGone(connection.threadId)
    }))

  it.scoped("never has its KILL hit the next query", () =>
    Effect.gen(function*() {
      const connection = yield* openTls(trusted)
      for (let round = 0; round < 20; round++) {
        yield* Effect.timeoutOption(connection.query("select sleep(0.01)"), round)
        const next = yield* connection.query("select sleep(0.002) as slept, ? as round", [round])
        expect(next.rows).toEqual([{ slept: 0, round }])
      }
    }))

  it.scoped("is refused with a certificate that nobody has signed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(openTls({ ssl: true }))
      expect(error).toMatchObject({ reason: "Tls", code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
      expect(error.message).toContain("Check ssl")
    }))

  for (
    const [what, options] of [["host", trusted], ["name", {
      ssl: { ca: certificate, servername: "db.example.org" }
    }]] as const
  ) {
    it.scoped(`is refused with a certificate for another ${what}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(openTls({ ...options, host: what === "host" ? "127.0.0.1" : "localhost" }))
        expect(error).toMatchObject({ reason: "Tls", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
      }))
  }

  it.scoped("says goodbye: the session is gone when the Scope has closed", () =>
    Effect.gen(function*() {
      const { threadId } = yield* Effect.scoped(openTls(trusted))
      yield* isGone(threadId)
    }))
})

describe("TLS", () => {
  /** Asks for the password in clear text, and keeps what it hears. */
  const curious = Effect.gen(function*() {
    const heard: Array<string> = []
    const { port, sockets } = yield* strangeServer((plain) => {
      plain.write(greeting("8.0.99-fake", ssl))
      secured(plain, (secure) => {
        secure.once("data", () => {
          secure.write(packet(3, Buffer.from("\xfemysql_clear_password\0", "latin1")))
          secure.once("data", (chunk) => {
            heard.push(chunk.toString("utf8", 4))
            secure.write(packet(5, ok()))
            secure.on("data", (command) => command[4] === 1 ? secure.end() : secure.write(packet(1, ok())))
          })
        })
      })
    })
    return { host: "localhost", port, heard, sockets }
  })

  it.live("lets a server that is trusted ask for the password in clear text, as for a token", () =>
    Effect.gen(function*() {
      const server = yield* curious
      yield* openFake(server, { ...trusted, password: Redacted.make("token") })
      expect(server.heard).toEqual(["token\0"])
    }).pipe(Effect.scoped))

  it.live("does not let one that nobody knows", () =>
    Effect.gen(function*() {
      const server = yield* curious
      const error = yield* Effect.flip(
        openFake(server, { ssl: { rejectUnauthorized: false }, password: Redacted.make("token") })
      )
      expect(error).toMatchObject({ reason: "Authentication" })
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
      expect(server.heard).toEqual([])
    }).pipe(Effect.scoped))
})
