/**
 * What all who watch a console are told, once a second: one look at each pool, however many they are, and none while there is nobody.
 *
 * Who does not read is cut off: there is room for so many messages, and no more.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionPool } from "../model/pool.js"
import { Window } from "./Window.js"

/** Messages that somebody may be behind: half a minute. */
const ROOM = 30

/** Samples that who comes later is told of. */
const PAST = 300

interface Watched {
  readonly name: string
  readonly pool: ConnectionPool<any, any>
}

interface Run {
  readonly windows: ReadonlyMap<string, Window>
  readonly past: Array<string>
  readonly fiber: Fiber.RuntimeFiber<unknown>
}

export class Feed {
  private readonly clients = new Set<Queue.Queue<string>>()
  private running: Run | undefined

  constructor(
    private readonly pools: ReadonlyArray<Watched>,
    private readonly every: number,
    private readonly runtime: Runtime.Runtime<never>
  ) {}

  /** How many watch. */
  get size(): number {
    return this.clients.size
  }

  /** Messages from now on, after those of late, until the Scope closes, or who reads them is too slow. */
  readonly messages: Stream.Stream<string> = Stream.unwrapScoped(
    Effect.map(this.join(), (queue) => Stream.fromQueue(queue, { shutdown: false }))
  )

  private join(): Effect.Effect<Queue.Queue<string>, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.map(Queue.bounded<string>(ROOM), (queue) => {
        const run = this.running ??= this.start()
        const recent = Object.fromEntries([...run.windows].map(([name, window]) => [name, window.recent]))
        queue.unsafeOffer(JSON.stringify({ type: "past", samples: run.past.map((text) => JSON.parse(text)), recent }))
        this.clients.add(queue)
        return queue
      }),
      (queue) =>
        Effect.suspend(() => {
          this.clients.delete(queue)
          return Effect.zipRight(queue.shutdown, this.clients.size === 0 ? this.stop : Effect.void)
        })
    )
  }

  private start(): Run {
    const windows = new Map(this.pools.map(({ name }) => [name, new Window()]))
    const past: Array<string> = []
    const listen = ({ name, pool }: Watched) =>
      Stream.runForEach(pool.events, (event) => Effect.sync(() => windows.get(name)!.read(event)))
    const look = Effect.forever(Effect.zipRight(this.sample(windows, past), Effect.sleep(this.every)))
    const all = Effect.all([look, ...this.pools.map(listen)], { concurrency: "unbounded", discard: true })
    return { windows, past, fiber: Runtime.runFork(this.runtime)(Effect.interruptible(all)) }
  }

  private readonly stop = Effect.suspend(() => {
    const run = this.running
    this.running = undefined
    return run === undefined ? Effect.void : Fiber.interruptFork(run.fiber)
  })

  private sample(windows: ReadonlyMap<string, Window>, past: Array<string>): Effect.Effect<void> {
    return Effect.map(
      Effect.forEach(
        this.pools,
        ({ name, pool }) =>
          Effect.zipWith(pool.stats, Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis), (stats, at) => {
            const { closing, checking, idle, leased, leases, maxSize, opening, phase, resetting, waiting } = stats
            const { events, ...window } = windows.get(name)!.take()
            const sizes = { closing, checking, idle, leased, leases, maxSize, opening, phase, resetting, waiting }
            return { name, at, events, sample: { ...sizes, ...window } }
          })
      ),
      (samples) => {
        const at = samples[0]?.at ?? 0
        const sample = { at, pools: Object.fromEntries(samples.map(({ name, sample }) => [name, sample])) }
        past.push(JSON.stringify(sample))
        if (past.length > PAST) past.shift()
        const events = Object.fromEntries(samples.map(({ events, name }) => [name, events]))
        this.tell(JSON.stringify({ type: "now", ...sample, events }))
      }
    )
  }

  /** Who has no room for it is cut off. */
  private tell(message: string): void {
    for (const queue of this.clients) {
      if (queue.unsafeOffer(message)) continue
      this.clients.delete(queue)
      Runtime.runFork(this.runtime)(queue.shutdown)
    }
  }
}
