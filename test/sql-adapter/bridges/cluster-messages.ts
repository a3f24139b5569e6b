/** SqlMessageStorage of @effect/cluster: messages and replies that outlive a runner. */
import * as EntityAddress from "@effect/cluster/EntityAddress"
import * as EntityId from "@effect/cluster/EntityId"
import * as EntityType from "@effect/cluster/EntityType"
import * as Envelope from "@effect/cluster/Envelope"
import * as Message from "@effect/cluster/Message"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as Reply from "@effect/cluster/Reply"
import * as ShardId from "@effect/cluster/ShardId"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as Snowflake from "@effect/cluster/Snowflake"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as Headers from "@effect/platform/Headers"
import * as Rpc from "@effect/rpc/Rpc"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Test } from "./subject.js"

/** Two with the same key are the same request. */
const Greet = Rpc.make("Greet", {
  payload: { name: Schema.String },
  success: Schema.String,
  primaryKey: ({ name }) => name
})

/** One that is answered piece by piece. */
const Count = Rpc.make("Count", {
  payload: { to: Schema.Number },
  success: Schema.Number,
  stream: true,
  primaryKey: ({ to }) => String(to)
})

const shard = ShardId.make("default", 1)

const address = EntityAddress.EntityAddress.make({
  shardId: shard,
  entityType: EntityType.EntityType.make("greeter"),
  entityId: EntityId.EntityId.make("1")
})

const next = Effect.map(Snowflake.Generator, (snowflakes) => snowflakes.unsafeNext())

const request = <R extends Rpc.Any>(rpc: R, tag: Rpc.Tag<R>, payload: Rpc.Payload<R>) =>
  Effect.map(next, (requestId) =>
    new Message.OutgoingRequest<R>({
      envelope: Envelope.makeRequest<R>({ requestId, address, tag, payload, headers: Headers.empty }),
      context: Context.empty() as Context.Context<Rpc.Context<R>>,
      rpc,
      lastReceivedReply: Option.none(),
      respond: () => Effect.void
    }))

const greet = (name: string) => request(Greet, "Greet", Greet.payloadSchema.make({ name }))

const count = (to: number) => request(Count, "Count", Count.payloadSchema.make({ to }))

const replyTo = <R extends Rpc.Any>(
  { context, envelope: { requestId }, rpc }: Message.OutgoingRequest<R>,
  reply: (ids: { readonly id: Snowflake.Snowflake; readonly requestId: Snowflake.Snowflake }) => Reply.Reply<R>
) => Effect.map(next, (id) => new Reply.ReplyWithContext<R>({ reply: reply({ id, requestId }), context, rpc }))

const answer = (message: Message.OutgoingRequest<typeof Greet>) =>
  replyTo(message, (ids) => new Reply.WithExit({ ...ids, exit: Exit.succeed("hello") }))

const piece = (message: Message.OutgoingRequest<typeof Count>, sequence: number) =>
  replyTo(message, (ids) => new Reply.Chunk({ ...ids, sequence, values: [sequence] }))

let storages = 0

/** A storage with tables of its own, until the Scope closes. */
const storage = Effect.suspend(() =>
  Layer.build(Layer.mergeAll(
    Layer.provide(SqlMessageStorage.layerWith({ prefix: `messages_${storages++}` }), ShardingConfig.layerDefaults),
    Snowflake.layerGenerator
  ))
)

const payloads = (messages: ReadonlyArray<Message.Incoming<typeof Greet>>) =>
  messages.map(({ envelope }) => envelope._tag === "Request" ? envelope.payload : envelope._tag)

const names = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))

export const clusterMessages = <P, R>(test: Test<P, R>): void => {
  const storing = (
    name: string,
    run: Effect.Effect<unknown, unknown, MessageStorage.MessageStorage | Snowflake.Generator | SqlClient.SqlClient>
  ) => test(name, Effect.flatMap(storage, (context) => Effect.provide(run, context)))

  storing(
    "SqlMessageStorage: a request is read once, and again after its shard was reset, until it has a reply",
    Effect.gen(function*() {
      const storage = yield* MessageStorage.MessageStorage
      const first = yield* greet("a")
      for (const message of [first, yield* greet("b"), yield* greet("c")]) {
        expect((yield* storage.saveRequest(message))._tag).toBe("Success")
      }
      yield* storage.saveReply(yield* answer(first))
      expect(payloads(yield* storage.unprocessedMessages([shard]))).toEqual(names("b", "c"))
      expect(yield* storage.unprocessedMessages([shard])).toEqual([])
      yield* storage.resetShards([shard])
      expect(payloads(yield* storage.unprocessedMessages([shard]))).toEqual(names("b", "c"))
      expect(yield* storage.repliesFor([first])).toMatchObject([
        { _tag: "WithExit", requestId: first.envelope.requestId, exit: Exit.succeed("hello") }
      ])
      expect(yield* storage.unprocessedMessagesById([first.envelope.requestId])).toEqual([])
    })
  )

  storing(
    "SqlMessageStorage: a request that was saved before is a duplicate, and says what it was answered",
    Effect.gen(function*() {
      const storage = yield* MessageStorage.MessageStorage
      const original = yield* greet("a")
      yield* storage.saveRequest(original)
      const { requestId } = original.envelope
      expect(yield* storage.saveRequest(yield* greet("a"))).toMatchObject({
        _tag: "Duplicate",
        originalId: requestId,
        lastReceivedReply: Option.none()
      })
      yield* storage.saveReply(yield* answer(original))
      const again = yield* storage.saveRequest(yield* greet("a"))
      expect(again).toMatchObject({ _tag: "Duplicate", lastReceivedReply: { value: { _tag: "WithExit", requestId } } })
      expect(yield* storage.requestIdForPrimaryKey({ address, tag: "Greet", id: "a" })).toEqual(Option.some(requestId))
      // A request has one answer.
      const second = yield* Effect.flip(storage.saveReply(yield* answer(original)))
      expect(second._tag).toBe("PersistenceError")
    })
  )

  storing(
    "SqlMessageStorage: a request that is answered in pieces goes on after the one that was acknowledged",
    Effect.gen(function*() {
      const storage = yield* MessageStorage.MessageStorage
      const message = yield* count(3)
      yield* storage.saveRequest(message)
      const first = yield* piece(message, 0)
      yield* storage.saveReply(first)
      // What is not acknowledged is not gone on with.
      expect(yield* storage.unprocessedMessages([shard])).toEqual([])
      const envelope = new Envelope.AckChunk({
        id: yield* next,
        address,
        requestId: message.envelope.requestId,
        replyId: first.reply.id
      })
      yield* storage.saveEnvelope(new Message.OutgoingEnvelope({ envelope, rpc: Count }))
      expect(yield* storage.unprocessedMessages([shard])).toMatchObject([
        { envelope: { payload: { to: 3 } }, lastSentReply: { value: { _tag: "Chunk", sequence: 0, values: [0] } } },
        { envelope: { _tag: "AckChunk", replyId: first.reply.id } }
      ])
      yield* storage.saveReply(yield* piece(message, 1))
      expect(yield* storage.saveRequest(yield* count(3))).toMatchObject({
        _tag: "Duplicate",
        lastReceivedReply: { value: { _tag: "Chunk", sequence: 1, values: [1] } }
      })
      yield* storage.clearAddress(address)
      expect((yield* storage.saveRequest(yield* count(3)))._tag).toBe("Success")
    })
  )

  storing(
    "SqlMessageStorage: of several who read at the same time, one gets a message",
    Effect.gen(function*() {
      const storage = yield* MessageStorage.MessageStorage
      const all = Array.from({ length: 40 }, (_, n) => String(n))
      yield* Effect.forEach(all, (name) => Effect.flatMap(greet(name), storage.saveRequest), { concurrency: 8 })
      const read = yield* Effect.all(Array.from({ length: 8 }, () => storage.unprocessedMessages([shard])), {
        concurrency: "unbounded"
      })
      expect(payloads(read.flat()).length).toBe(all.length)
      expect(payloads(read.flat())).toEqual(expect.arrayContaining(names(...all)))
    })
  )

  storing(
    "SqlMessageStorage: what is saved in a transaction is rolled back with it",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const storage = yield* MessageStorage.MessageStorage
      const message = yield* greet("a")
      yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        yield* storage.saveRequest(message)
        // Has a transaction of its own, which is a savepoint here.
        yield* storage.saveReply(yield* answer(message))
        expect((yield* storage.repliesFor([message])).length).toBe(1)
        return yield* Effect.fail("no")
      })))
      expect(yield* storage.repliesFor([message])).toEqual([])
      expect((yield* storage.saveRequest(message))._tag).toBe("Success")
    })
  )
}
