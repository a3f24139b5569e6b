/**
 * The pool's events as a stream. Without a subscriber nothing is built and nothing is kept.
 *
 * Each subscriber has a bounded buffer of its own, and the pool never waits for one: what does not fit is counted, and the
 * count is the first thing that the subscriber reads once there is room again.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import { PoolEvent } from "../model/events.js"

/** How many events a subscriber may be behind. */
const BUFFER = 4096

class Subscriber {
  private dropped = 0
  private droppedAt = 0

  constructor(readonly mailbox: Mailbox.Mailbox<PoolEvent>) {}

  /** What is left to say once all that was kept has been read. */
  get rest(): Stream.Stream<PoolEvent> {
    const { dropped, droppedAt } = this
    return dropped === 0 ? Stream.empty : Stream.make(PoolEvent.EventsDropped({ at: droppedAt, count: dropped }))
  }

  offer(event: PoolEvent): void {
    if (this.dropped > 0) {
      if (!this.mailbox.unsafeOffer(PoolEvent.EventsDropped({ at: event.at, count: this.dropped }))) {
        this.drop(event)
        return
      }
      this.dropped = 0
    }
    if (!this.mailbox.unsafeOffer(event)) this.drop(event)
  }

  private drop(event: PoolEvent): void {
    this.dropped++
    this.droppedAt = event.at
  }
}

export class Events {
  private readonly subscribers = new Set<Subscriber>()
  private ended = false

  /** Whether anyone listens: ask before building an event. */
  get isObserved(): boolean {
    return this.subscribers.size > 0
  }

  publish(event: PoolEvent): void {
    for (const subscriber of this.subscribers) subscriber.offer(event)
  }

  /** Ends every stream, after what it has buffered. */
  end(): void {
    this.ended = true
    for (const { mailbox } of this.subscribers) mailbox.unsafeDone(Exit.void)
  }

  readonly stream: Stream.Stream<PoolEvent> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.map(Mailbox.make<PoolEvent>({ capacity: BUFFER, strategy: "dropping" }), (mailbox) => {
          const subscriber = new Subscriber(mailbox)
          if (this.ended) mailbox.unsafeDone(Exit.void)
          else this.subscribers.add(subscriber)
          return subscriber
        }),
        (subscriber) =>
          Effect.suspend(() => {
            this.subscribers.delete(subscriber)
            return subscriber.mailbox.shutdown
          })
      ),
      (subscriber) => Stream.concat(Mailbox.toStream(subscriber.mailbox), Stream.suspend(() => subscriber.rest))
    )
  )
}
