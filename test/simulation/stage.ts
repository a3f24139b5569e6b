/**
 * What a capability of the pool brings to the simulation: the callers that use it, the faults that hurt it, and the promises
 * that it makes. A capability is one file; adding one adds its file to `capabilities/index.ts`, and nothing else changes.
 */
import type { PoolEvent } from "@cenote/core/PoolEvent"
import type { FakeConnector } from "@cenote/core/testing"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Allocator, Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Settings } from "../../packages/core/src/model/settings.js"
import type { FakePool } from "../support/pool.js"
import type { Numbers, World } from "../support/schedulers.js"

/** What a run is mostly about: the last three, of that and nothing else. */
export const profiles = [
  "mixed",
  "calm",
  "faults",
  "outage",
  "churn",
  "closing",
  "clock",
  "operations",
  "crowd",
  "shared",
  "together",
  "keyed"
] as const

export type Profile = typeof profiles[number]

/** Plain data, so that a scenario can be printed, read again, and made smaller. */
export interface Part {
  readonly capability: string
  readonly [key: string]: string | number | boolean
}

/** By how much the clock was set in all, and how far each time, forward or back, in milliseconds. */
export interface Skew {
  by: number
  readonly jumps: Array<number>
}

/** Where a run takes place, before the pool is made. */
export interface Site {
  /** What was done to the clock. */
  readonly skew: Skew
  readonly world: World
  readonly fake: FakeConnector.FakeConnector
  readonly settings: Settings<FakeConnector.FakeConnection, FakeConnector.FakeError, never>
  /** A step that hangs waits here: it is opened when all is over. */
  readonly gate: FakeConnector.Gate
  /** A step that hangs and can be interrupted: counted while it does. */
  readonly hang: FakeConnector.Behaviour
  /** Says that a promise was broken. */
  readonly broken: (problem: string) => void
  /** Adds a line to the trace. */
  readonly tell: (line: string) => void
}

/** And once it is made. */
export interface Stage extends Site {
  readonly pool: FakePool
  readonly allocator: Allocator
  /** Closes the pool. */
  readonly close: Effect.Effect<void>
  /** Who holds which connection, as the callers see it: for each, whether it has it for itself. */
  readonly holders: Map<number, ReadonlyArray<boolean>>
  /** Whether time stands still while anybody can go on, and the clock is not set: only then can anybody be held to a time. */
  readonly isPunctual: boolean
  /** Whether time stands still while anybody can go on. */
  readonly isUnhurried: boolean
}

/** A run that is over. */
export interface Finished {
  readonly settings: Site["settings"]
  readonly isPunctual: boolean
  /** Every commit, oldest first. */
  readonly history: ReadonlyArray<Entry>
  readonly events: ReadonlyArray<PoolEvent>
  readonly server: FakeConnector.Counts
}

export interface Capability<P extends object> {
  readonly name: string
  /** How many parts it has in a run. */
  readonly count: (profile: Profile, numbers: Numbers) => number
  readonly draw: (numbers: Numbers, profile: Profile) => P
  /** What is done before the pool is made. */
  readonly prepare?: (site: Site, parts: ReadonlyArray<P>) => Effect.Effect<void>
  /** What is done while it is made. */
  readonly making?: (site: Site, part: P, making: Fiber.Fiber<unknown, unknown>) => Effect.Effect<void>
  /** What is done with the pool, in a fiber of its own. */
  readonly run?: (stage: Stage, part: P) => Effect.Effect<void>
  /** The promises that it makes, asked of every run. */
  readonly check?: (finished: Finished) => ReadonlyArray<string>
}

export const capability = <P extends object>(definition: Capability<P>): Capability<any> => definition
