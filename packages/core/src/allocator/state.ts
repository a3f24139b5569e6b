/**
 * The allocator's state: every permit is in exactly one of its maps, and every caller that waits is in its queue.
 *
 * It is plain, immutable data about numbers: connections are known by their id, times are milliseconds, and sizes are not
 * stored but derived. What is touched by each use (queue, idle, leased) stands apart from what is not (steps, upkeep).
 */
import * as Option from "effect/Option"
import type { CloseReason, OpenPurpose } from "../model/events.js"
import type { Priority } from "../model/options.js"
import type { Rules } from "../model/settings.js"
import type { ConnectFailure, Sizes } from "../model/stats.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Ticket } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/** What does not change while a connection lives. */
export interface Connection {
  readonly id: number
  readonly openedAt: number
  /** From here on it is retired when its successor is open. */
  readonly retireAt: number
  /** From here on it is not handed out. */
  readonly expiresAt: number
  /** Why it ends then. */
  readonly endsAs: "MaxLifetime" | "Recycled"
}

/** What a slot of an open connection says, whatever it is busy with. */
export interface Occupied {
  readonly connection: Connection
  readonly uses: number
  /** Set once something has condemned it while it was not idle: it is closed when it comes back. */
  readonly condemned: CloseReason | undefined
}

export interface Opening {
  readonly id: number
  readonly since: number
  readonly purpose: OpenPurpose
  /** Waiters with a lower ticket were there when it began: its failure may be theirs. */
  readonly watermark: number
}

export interface Idle {
  readonly connection: Connection
  readonly uses: number
  /** Where it is in the idle line. */
  readonly place: number
  readonly idleSince: number
  /** When it last was known to work. */
  readonly verifiedAt: number
}

export interface Leased extends Occupied {
  /** The number of the ticket that holds it. */
  readonly number: number
  readonly ticket: Ticket
  readonly since: number
  /** When the connection last was known to work as it was granted. */
  readonly verifiedAt: number
  /** What has been done about its being held for too long. */
  readonly overdue: undefined | "reported" | "aborted"
}

/** Checked for a waiter, or probed for its own sake: it goes back to its place in the idle line if nobody waits. */
export interface Checking extends Occupied {
  readonly place: number
  readonly idleSince: number
  readonly since: number
  readonly step: "check" | "ping"
}

export interface Resetting extends Occupied {}

/** A connection in use where several leases may be on it. */
export interface Shared extends Occupied {
  /** How many leases are on it now. `uses` counts these, too. */
  readonly holders: number
  /** The one lease that is on it has it for itself. */
  readonly isExclusive: boolean
  /** One that has left says so: it is reset when all have. */
  readonly needsReset: boolean
}

export interface Closing {
  readonly id: number
  readonly since: number
  readonly reason: CloseReason
  /** A connection was opened: false where only what a failed opening left is closed. */
  readonly opened: boolean
}

/** The idle line. A place is used once: pushing takes `next`, so a connection can come back to the place it had. */
export interface IdleLine {
  readonly places: OrderedMap.OrderedMap<Idle>
  readonly next: number
}

/** What keeps a permit besides idle and leased: the steps that run. All by connection id. */
export interface Steps {
  readonly opening: OrderedMap.OrderedMap<Opening>
  /** Checks that a waiter waits for. */
  readonly checking: OrderedMap.OrderedMap<Checking>
  /** Checks of suspects, and pings: no waiter counts on them. */
  readonly probing: OrderedMap.OrderedMap<Checking>
  readonly resetting: OrderedMap.OrderedMap<Resetting>
  readonly closing: OrderedMap.OrderedMap<Closing>
}

export type Phase =
  /** `make` waits until `target` connections are open. */
  | { readonly _tag: "Starting"; readonly target: number; readonly ticket: Ticket }
  | { readonly _tag: "Running" }
  /** Nothing is handed out and nothing begins, until then or until it is resumed. */
  | { readonly _tag: "Suspended"; readonly newcomers: "wait" | "refuse"; readonly until: number }
  /** Serves who waits, and ends when every permit is back; the tickets wait for that. */
  | { readonly _tag: "Draining"; readonly tickets: ReadonlyArray<Ticket> }
  /** Ends when every permit is back, or at the deadline; the tickets wait for that. */
  | { readonly _tag: "Closing"; readonly tickets: ReadonlyArray<Ticket>; readonly deadline: number }
  | { readonly _tag: "Closed" }

/** Whether the pool is over, or will be without regard to anyone. */
export const isClosing = ({ phase }: State): boolean => phase._tag === "Closing" || phase._tag === "Closed"

/** How fast connections have come back while somebody waited. */
export interface Flow {
  /** When the present measurement began, and how many leases had ended then. */
  readonly since: number
  readonly returned: number
  /** What the last one gave, in leases a millisecond, and when; undefined: there was none yet. */
  readonly rate: number | undefined
  readonly ratedAt: number
}

/** The most connections in use at once: within the present minute, within each of the three before, the last first, and ever. */
export interface Peaks {
  /** When the present minute began. */
  readonly since: number
  readonly now: number
  readonly before: readonly [number, number, number]
  readonly ever: number
}

/** A time in which waits have been at or above the overload's target. */
export interface Above {
  readonly since: number
  /** When one was last. */
  readonly last: number
}

/** What is rare: touched by openings, closings and the keeper, never by a plain take or give. */
export interface Upkeep {
  readonly nextConnection: number
  /** Openings that failed in a row, and when the next may begin. */
  readonly failedInARow: number
  readonly notBefore: number
  readonly lastConnectFailure: Option.Option<ConnectFailure>
  /** How many permits other keys of a keyed pool leave to this one. Infinity: as many as `maxSize` says. */
  readonly quota: number
  /** The connection that is being replaced because it nears the end of its lifetime. One at a time. */
  readonly renewing: number | undefined
  /** No connection is due for the keeper before this. */
  readonly sweepAt: number
  /** Who waits and held a connection as it asked, by ticket number. */
  readonly nested: OrderedMap.OrderedMap<Ticket>
  /** Seats of callers of whom another pool cannot serve anybody. */
  readonly unbound: OrderedMap.OrderedMap<true>
  /** By class: a time in which waits have been at or above the overload's target. */
  readonly above: { readonly [P in Priority]: Above | undefined }
  readonly peaks: Peaks
  readonly mostWaiting: number
  /** Tickets that have ended without a connection, whatever the reason. */
  readonly unserved: number
  /** Callers that left before they were served. */
  readonly gaveUp: number
  readonly timedOut: number
  readonly refused: number
  readonly shed: number
  readonly opened: number
  readonly openFailures: number
  readonly closed: number
  readonly aborted: number
}

export interface State {
  readonly rules: Rules
  readonly phase: Phase
  readonly queue: WaitQueue.WaitQueue
  readonly idle: IdleLine
  /** By ticket number, so the oldest lease is the first. */
  readonly leased: OrderedMap.OrderedMap<Leased>
  /** By connection id, what is in use where leases may share a connection. Else it is empty: each lease has its own. */
  readonly shared: OrderedMap.OrderedMap<Shared>
  readonly nextTicket: number
  readonly flow: Flow
  readonly steps: Steps
  readonly upkeep: Upkeep
  /** How many decisions so far came with work: numbers them, so that work is done in the order of the commits. */
  readonly decided: number
}

/**
 * Every state is made here, field by field: copying by spread and then overwriting was measured to take more than a
 * microsecond, which is more than all else that a take does.
 */
const make = (
  rules: Rules,
  phase: Phase,
  queue: WaitQueue.WaitQueue,
  idle: IdleLine,
  leased: State["leased"],
  shared: State["shared"],
  nextTicket: number,
  flow: Flow,
  steps: Steps,
  upkeep: Upkeep,
  decided: number
): State => ({ rules, phase, queue, idle, leased, shared, nextTicket, flow, steps, upkeep, decided })

export const withPhase = (s: State, phase: Phase): State =>
  make(s.rules, phase, s.queue, s.idle, s.leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

export const withRules = (s: State, rules: Rules): State =>
  make(rules, s.phase, s.queue, s.idle, s.leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

export const withQueue = (s: State, queue: WaitQueue.WaitQueue): State =>
  make(s.rules, s.phase, queue, s.idle, s.leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

export const withIdle = (s: State, idle: IdleLine): State =>
  make(s.rules, s.phase, s.queue, idle, s.leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

export const withLeased = (s: State, leased: State["leased"]): State =>
  make(s.rules, s.phase, s.queue, s.idle, leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

export const withShared = (s: State, shared: State["shared"]): State =>
  make(s.rules, s.phase, s.queue, s.idle, s.leased, shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

/** The next ticket has been drawn, and has an idle connection. */
export const withReuse = (s: State, idle: IdleLine, leased: State["leased"]): State =>
  make(s.rules, s.phase, s.queue, idle, leased, s.shared, s.nextTicket + 1, s.flow, s.steps, s.upkeep, s.decided)

/** The next ticket has been drawn, and waits. */
export const withWaiter = (s: State, queue: WaitQueue.WaitQueue, flow: Flow): State =>
  make(s.rules, s.phase, queue, s.idle, s.leased, s.shared, s.nextTicket + 1, flow, s.steps, s.upkeep, s.decided)

/** Somebody who waited has a connection. */
export const withGrant = (s: State, queue: WaitQueue.WaitQueue, leased: State["leased"]): State =>
  make(s.rules, s.phase, queue, s.idle, leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided)

/** A decision that comes with work has been made. */
export const withDecided = (s: State): State =>
  make(s.rules, s.phase, s.queue, s.idle, s.leased, s.shared, s.nextTicket, s.flow, s.steps, s.upkeep, s.decided + 1)

export const withSteps = (s: State, steps: Partial<Steps>): State =>
  make(
    s.rules,
    s.phase,
    s.queue,
    s.idle,
    s.leased,
    s.shared,
    s.nextTicket,
    s.flow,
    { ...s.steps, ...steps },
    s.upkeep,
    s.decided
  )

export const withUpkeep = (s: State, upkeep: Partial<Upkeep>): State =>
  make(
    s.rules,
    s.phase,
    s.queue,
    s.idle,
    s.leased,
    s.shared,
    s.nextTicket,
    s.flow,
    s.steps,
    { ...s.upkeep, ...upkeep },
    s.decided
  )

export const initial = (rules: Rules): State =>
  make(
    rules,
    { _tag: "Running" },
    WaitQueue.empty,
    { places: OrderedMap.empty(), next: 0 },
    OrderedMap.empty(),
    OrderedMap.empty(),
    0,
    { since: 0, returned: 0, rate: undefined, ratedAt: 0 },
    {
      opening: OrderedMap.empty(),
      checking: OrderedMap.empty(),
      probing: OrderedMap.empty(),
      resetting: OrderedMap.empty(),
      closing: OrderedMap.empty()
    },
    {
      nextConnection: 0,
      failedInARow: 0,
      notBefore: 0,
      lastConnectFailure: Option.none(),
      quota: Infinity,
      renewing: undefined,
      sweepAt: Infinity,
      nested: OrderedMap.empty(),
      unbound: OrderedMap.empty(),
      above: { high: undefined, normal: undefined, low: undefined },
      peaks: { since: 0, now: 0, before: [0, 0, 0], ever: 0 },
      mostWaiting: 0,
      unserved: 0,
      gaveUp: 0,
      timedOut: 0,
      refused: 0,
      shed: 0,
      opened: 0,
      openFailures: 0,
      closed: 0,
      aborted: 0
    },
    0
  )

/** Connections that somebody holds. */
export const inUseCount = ({ leased, rules, shared }: State): number =>
  rules.concurrency === 1 ? leased.size : shared.size

/** These connections, and why each is to be closed, if it is. */
export const inUse = ({ leased, rules, shared }: State): ReadonlyArray<Pick<Occupied, "connection" | "condemned">> =>
  OrderedMap.values<Occupied>(rules.concurrency === 1 ? leased : shared)

/** Connections that are open: they can serve somebody, now or soon. */
export const openCount = (state: State): number => {
  const { idle, steps } = state
  return idle.places.size + inUseCount(state) + steps.checking.size + steps.probing.size + steps.resetting.size
}

/** Leases that there have been: tickets that got a connection. */
export const servedCount = ({ nextTicket, queue, upkeep }: State): number =>
  nextTicket - WaitQueue.size(queue) - upkeep.unserved

/**
 * Whether no more connections are open than are being opened: those that wait, wait for a pool that is not there yet. A transition
 * may have one `inHand`, which is in none of the state's maps.
 */
export const isGrowing = (state: State, inHand: 0 | 1 = 0): boolean =>
  state.steps.opening.size > 0 && state.steps.opening.size >= openCount(state) + inHand

/** Connections that are open or will be. */
export const liveCount = (state: State): number => openCount(state) + state.steps.opening.size

/** How many permits there may be spent. */
export const limitOf = ({ rules: { maxSize }, upkeep: { quota } }: State): number => Math.min(maxSize, quota)

/** Permits that are spent. */
export const spentCount = (state: State): number => liveCount(state) + state.steps.closing.size

export const sizes = (state: State): Sizes => ({
  maxSize: state.rules.maxSize,
  opening: state.steps.opening.size,
  idle: state.idle.places.size,
  leased: inUseCount(state),
  checking: state.steps.checking.size + state.steps.probing.size,
  resetting: state.steps.resetting.size,
  closing: state.steps.closing.size,
  waiting: WaitQueue.size(state.queue)
})
