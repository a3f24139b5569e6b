/**
 * The pool's events as a stream. Without a subscriber nothing is built and nothing is kept.
 *
 * Each subscriber has a bounded buffer of its own, and the pool never waits for one: what does not fit is counted, and the
 * count is the first thing that the subscriber reads once there is room again.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { PoolEvent } from "../model/events.js"
import type { KeyedPoolEvent } from "../model/keyed.js"

/** How many events a subscriber may be behind. */
const BUFFER = 4096

type Event = PoolEvent | KeyedPoolEvent<unknown>

/** What a subscriber reads: events, and that there will be no more. */
type Item<E> = Option.Option<E | PoolEvent & { readonly _tag: "EventsDropped" }>

class Subscriber<E extends Event> {
  private dropped = 0
  private droppedAt = 0

  constructor(readonly queue: Queue.Queue<Item<E>>) {}

  offer(event: E): void {
    if (Option.getOrElse(this.queue.unsafeSize(), () => 0) >= BUFFER) {
      this.dropped++
      this.droppedAt = event.at
      return
    }
    this.confess(event.at)
    this.queue.unsafeOffer(Option.some(event))
  }

  /** After what is buffered, and what of it was dropped. */
  end(): void {
    this.confess(this.droppedAt)
    this.queue.unsafeOffer(Option.none())
  }

  private confess(at: number): void {
    if (this.dropped === 0) return
    this.queue.unsafeOffer(Option.some(PoolEvent.EventsDropped({ at, count: this.dropped })))
    this.dropped = 0
  }
}

export class Events<E extends Event = PoolEvent> {
  private readonly subscribers = new Set<Subscriber<E>>()
  private ended = false

  /** Whether anyone listens: ask before building an event. */
  get isObserved(): boolean {
    return this.subscribers.size > 0
  }

  publish(event: E): void {
    for (const subscriber of this.subscribers) subscriber.offer(event)
  }

  /** Ends every stream, after what it has buffered. */
  end(): void {
    this.ended = true
    for (const subscriber of this.subscribers) subscriber.end()
  }

  // The buffer has no bound of its own: `offer` sees to it. What says that the pool has ended must always fit.
  readonly stream: Stream.Stream<E | PoolEvent & { readonly _tag: "EventsDropped" }> = Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.map(Queue.unbounded<Item<E>>(), (queue) => {
          const subscriber = new Subscriber<E>(queue)
          this.subscribers.add(subscriber)
          if (this.ended) subscriber.end()
          return subscriber
        }),
        (subscriber) =>
          Effect.suspend(() => {
            this.subscribers.delete(subscriber)
            return subscriber.queue.shutdown
          })
      ),
      ({ queue }) => Stream.takeWhile(Stream.fromQueue(queue), Option.isSome).pipe(Stream.map(({ value }) => value))
    )
  )
}
