/**
 * The work of a case without a pool: what the case itself, its fibers and the runtime cost.
 *
 * A gate stands for a queue: the first callers hold it, the others wait, and when the holders are gone all go on at once.
 */
import * as Effect from "effect/Effect"
import type { EffectContender, PromiseContender, Settings } from "../model.js"
import { canAll, Connection } from "../model.js"

const connection = new Connection()

interface Waiting {
  readonly until: number
  readonly wake: (granted: boolean) => void
}

class Gate {
  private holders = 0
  private waiting: Array<Waiting> = []
  private expired = 0
  private timer: NodeJS.Timeout | undefined

  constructor(readonly settings: Settings) {}

  /** Whether the caller holds it. */
  enter(): boolean {
    if (this.holders === this.settings.maxSize) return false
    this.holders++
    return true
  }

  wait(wake: Waiting["wake"]): void {
    const { acquireTimeout } = this.settings
    this.waiting.push({ until: acquireTimeout === undefined ? Infinity : performance.now() + acquireTimeout, wake })
    if (acquireTimeout !== undefined) this.timer ??= setTimeout(() => this.expire(), acquireTimeout)
  }

  leave(): void {
    this.holders--
    if (this.holders > 0) return
    const waiting = this.waiting.slice(this.expired)
    this.waiting = []
    this.expired = 0
    for (const { wake } of waiting) wake(true)
  }

  private expire(): void {
    const now = performance.now()
    for (; this.expired < this.waiting.length; this.expired++) {
      const { until, wake } = this.waiting[this.expired] as Waiting
      if (until > now) {
        this.timer = setTimeout(() => this.expire(), until - now)
        return
      }
      wake(false)
    }
    this.timer = undefined
  }
}

export const noPool = "no pool"
export const noPoolPromises = "no pool, async functions"
export const bareFibers = "bare fibers on `Effect.async`"
export const barePromises = "bare promises"

const granted = Effect.void
const expired = Effect.fail("expired")

const control = { role: "Control", can: canAll } as const

const fibers: EffectContender = {
  ...control,
  _tag: "Effect",
  name: bareFibers,
  make: (settings) =>
    Effect.sync(() => {
      const gate = new Gate(settings)
      const wait = Effect.async<void, string>((resume) =>
        gate.wait((isGranted) => resume(isGranted ? granted : expired))
      )
      return (body) =>
        Effect.suspend(() =>
          gate.enter()
            ? Effect.ensuring(body(connection), Effect.sync(() => gate.leave()))
            : Effect.flatMap(wait, () => body(connection))
        )
    })
}

const promises: PromiseContender = {
  ...control,
  _tag: "Promise",
  name: barePromises,
  make: (settings) =>
    Effect.sync(() => {
      const gate = new Gate(settings)
      const holding = new Set<Connection>()
      return {
        acquire: () => {
          if (gate.enter()) {
            const held = new Connection()
            holding.add(held)
            return Promise.resolve(held)
          }
          return new Promise((resolve, reject) =>
            gate.wait((isGranted) => isGranted ? resolve(connection) : reject(new Error("expired")))
          )
        },
        release: (held) => {
          if (holding.delete(held)) gate.leave()
        }
      }
    })
}

const none: EffectContender = {
  ...control,
  _tag: "Effect",
  name: noPool,
  make: () => Effect.succeed((body) => Effect.suspend(() => body(connection)))
}

const nonePromises: PromiseContender = {
  ...control,
  _tag: "Promise",
  name: noPoolPromises,
  make: () => Effect.succeed({ acquire: () => Promise.resolve(connection), release: () => {} })
}

export const contenders = [none, nonePromises, fibers, promises]
