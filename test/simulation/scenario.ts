/** What is tried: drawn from a seed, as plain data, from which shrinking takes away. */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type { FakeConnector } from "@cenote/core/testing"
import { Numbers } from "../support/schedulers.js"
import { capabilities } from "./capabilities/index.js"
import type { Part, Profile } from "./stage.js"
import { profiles } from "./stage.js"

export interface Scenario {
  readonly profile: Profile
  /** Decides whose turn it is and who is preempted where. */
  readonly schedule: number
  /** How likely a fiber is preempted at an operation, and how likely time goes on though somebody is ready. */
  readonly preemption: number
  readonly haste: number
  readonly tuning: PoolOptions.Tuning
  readonly server: FakeConnector.FakeOptions
  readonly parts: ReadonlyArray<Part>
}

/** So short that every one of these passes in a run, in milliseconds. What a scenario says comes before it. */
export const shortTimes: PoolOptions.Tuning = {
  maxSize: 2,
  acquireTimeout: 50,
  connectTimeout: 30,
  checkTimeout: 10,
  resetTimeout: 15,
  closeTimeout: 20,
  shutdownTimeout: 100,
  keepalive: 5_000
}

type Draw = (numbers: Numbers, profile: Profile) => PoolOptions.Tuning

const often = (profile: Profile, other: Profile): number => profile === other ? 0.8 : 0.15

/** Each option that matters to who gets what when: left at its default, or drawn. */
const options: ReadonlyArray<Draw> = [
  (numbers) => ({ maxSize: 1 + numbers.below(3) }),
  (numbers) => numbers.chance(0.3) ? { minSize: 1 } : {},
  (numbers) => numbers.chance(0.5) ? { maxConnecting: 1 } : {},
  (numbers) => numbers.chance(0.25) ? { maxWaiters: numbers.below(4) } : {},
  (numbers) => numbers.chance(0.4) ? { whenDown: "wait" } : {},
  (numbers) => numbers.chance(0.4) ? { order: "fifo" } : {},
  (numbers) => numbers.chance(0.3) ? { startup: numbers.pick(["probe", "fill"]) } : {},
  (numbers, profile) => numbers.chance(often(profile, "churn")) ? { maxUses: 1 + numbers.below(3) } : {},
  (numbers) => numbers.chance(0.6) ? { checkAfterIdle: numbers.pick([0, 5]) } : {},
  (numbers) => ({ acquireTimeout: numbers.pick([20, 50, 200]) }),
  (numbers) => numbers.chance(0.4) ? { shutdownTimeout: 30 } : {},
  (numbers, profile) => numbers.chance(often(profile, "churn")) ? { keepalive: 15 } : {},
  (numbers, profile) => numbers.chance(often(profile, "churn")) ? { idleTimeout: 25 } : {},
  (numbers, profile) => numbers.chance(often(profile, "churn")) ? { maxLifetime: 60 } : {},
  (numbers) => numbers.chance(0.3) ? { minIdle: 1 } : {},
  (numbers, profile) =>
    numbers.chance(often(profile, "crowd"))
      ? { overload: { target: numbers.pick([3, 8]), interval: numbers.pick([5, 20]) } }
      : {},
  (numbers) => ({ ageing: numbers.pick([4, 15, 1_000]) }),
  (numbers) => numbers.chance(0.25) ? { leakThreshold: 10 + numbers.below(20) } : {},
  (numbers) => numbers.chance(0.25) ? { maxLease: 15 + numbers.below(30) } : {},
  (numbers) => numbers.chance(0.1) ? { leakTracing: true } : {},
  (numbers, profile) => numbers.chance(profile === "shared" ? 1 : 0.3) ? { concurrency: 2 + numbers.below(2) } : {}
]

/** In these profiles nothing else goes on. What is about pools of its own leaves the other one as it is by default, which has little to do. */
const alone: { readonly [P in Profile]?: string } = { shared: "share", together: "party", keyed: "tenant" }

/** The same seed and profile draw the same scenario, on any machine. Without a profile the seed picks one. */
export const draw = (seed: number, asked?: Profile): Scenario => {
  const numbers = new Numbers(seed)
  const picked = numbers.pick(profiles)
  const profile = asked ?? picked
  return {
    profile,
    schedule: seed,
    preemption: numbers.pick([0.05, 0.2, 0.3, 0.4]),
    haste: numbers.pick([0, 0, 0, 0.02]),
    tuning: profile === "together" || profile === "keyed"
      ? {}
      : Object.assign({}, ...options.map((option) => option(numbers, profile))) as PoolOptions.Tuning,
    server: {
      ...numbers.chance(0.3) ? { onLost: false } : {},
      ...numbers.chance(0.2) ? { alwaysReset: true } : {},
      ...numbers.chance(0.1) ? { check: false, ping: false } : {}
    },
    parts: capabilities.filter(({ name }) => alone[profile] === undefined || name === alone[profile]).flatMap((
      capability
    ) =>
      Array.from(
        { length: capability.count(profile, numbers) },
        (): Part => ({ capability: capability.name, ...capability.draw(numbers, profile) })
      )
    )
  }
}
