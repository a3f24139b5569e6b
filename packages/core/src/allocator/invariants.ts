/**
 * The allocator's promises that a state alone can break, each as a sentence and a check. They are checked after every commit
 * of the tests. Those that only a history shows are in `history.ts`; what a number has in both places is one promise.
 */
import { isFresh, nextIdle, SUSPECT } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { isShort, lacksCheck, mayOpen } from "./settle.js"
import { nextToJoin } from "./shared.js"
import type { Leased, State } from "./state.js"
import { inUse, inUseCount, liveCount, spentCount } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { nextToServe } from "./turns.js"
import * as WaitQueue from "./WaitQueue.js"

export interface Invariant {
  readonly number: number
  readonly sentence: string
  /** What is wrong with the state that a commit at `now` has left, if anything is. */
  readonly broken: (state: State, now: number) => string | undefined
}

/** The connections, by their ids, that a state's maps say hold permits. */
export const holders = (state: State): ReadonlyArray<number> => {
  const { idle, steps } = state
  return [
    ...OrderedMap.values(idle.places).map(({ connection }) => connection.id),
    ...inUse(state).map(({ connection }) => connection.id),
    ...OrderedMap.values(steps.opening).map(({ id }) => id),
    ...OrderedMap.values(steps.checking).map(({ connection }) => connection.id),
    ...OrderedMap.values(steps.probing).map(({ connection }) => connection.id),
    ...OrderedMap.values(steps.resetting).map(({ connection }) => connection.id),
    ...OrderedMap.values(steps.closing).map(({ id }) => id)
  ]
}

const permits: Invariant = {
  number: 1,
  sentence:
    "each connection is in one state, and where more are live than maxSize, as after a resize, nothing idles or opens",
  broken: (state) => {
    const { idle, rules: { maxSize }, steps } = state
    if (liveCount(state) > maxSize && idle.places.size + steps.opening.size > 0) {
      return `${liveCount(state)} connections of ${maxSize} are live, and not all of them busy`
    }
    const ids = holders(state)
    const twice = ids.find((id, index) => ids.indexOf(id) !== index)
    return twice === undefined ? undefined : `connection ${twice} holds two permits`
  }
}

const exclusive: Invariant = {
  number: 2,
  sentence: "no connection has more holders than concurrency, and one that somebody has exclusively has one",
  broken: ({ leased, rules: { concurrency }, shared }) => {
    const leases = OrderedMap.values(leased)
    const holders = new Map<number, Array<Ticket>>()
    for (const { connection: { id }, ticket } of leases) holders.set(id, [...holders.get(id) ?? [], ticket])
    for (const [id, tickets] of holders) {
      if (tickets.length > concurrency) return `connection ${id} is leased ${tickets.length} times`
      if (tickets.length > 1 && tickets.some(({ manner }) => !manner.mayShare)) {
        return `connection ${id} is leased exclusively, and to another`
      }
    }
    if (concurrency === 1) return shared.size === 0 ? undefined : "a connection is remembered as shared"
    const wrong = [...holders].find(([id, { length }]) => OrderedMap.get(shared, id)?.holders !== length)
    if (wrong !== undefined) return `connection ${wrong[0]} has not as many holders as are counted`
    return shared.size === holders.size ? undefined : "a connection is remembered as shared that nobody has"
  }
}

/** Whether what only an opening can bring has to wait. The alarm clock is set for a back-off's end; it may ring a moment late. */
const cannotOpen = (state: State): boolean => !mayOpen(state) || state.upkeep.notBefore > 0

const noIdling: Invariant = {
  number: 5,
  sentence:
    "no waiter sleeps while a connection is ready, or while one could be checked or opened for it, unless the pool is suspended",
  broken: (state, now) => {
    if (WaitQueue.size(state.queue) === 0 || state.phase._tag === "Suspended") return undefined
    const join = nextToJoin(state, now)
    if (join !== undefined) return `a waiter sleeps though it could share connection ${join.entry.connection.id}`
    const idle = nextIdle(state)
    // What waits for seats is made ready when their other pools are.
    const isWanted = nextToServe(state, state.idle.places.size) !== undefined
    if (idle !== undefined && isWanted && (isFresh(state, idle, now) || lacksCheck(state))) {
      return `a waiter sleeps while connection ${idle.connection.id} is idle`
    }
    return isShort(state) && !cannotOpen(state) ? "a waiter sleeps while a permit is free" : undefined
  }
}

const unfit = (state: State, { connection, since, uses, verifiedAt }: Leased): string | undefined => {
  const { canCheck, checkAfterIdle, maxUses } = state.rules
  // A Recycle shortens lives, that of a lease which has just begun as well: what it promises is in the history.
  if (since >= connection.expiresAt && connection.endsAs === "MaxLifetime") return "past its lifetime"
  if (uses >= maxUses) return "used up"
  if (verifiedAt === SUSPECT) return canCheck ? "though it was suspect" : undefined
  return since - verifiedAt > checkAfterIdle ? "idle for too long without a check" : undefined
}

const fit: Invariant = {
  number: 7,
  sentence:
    "a connection that was handed out was within its lifetime and uses, and checked if it had been idle for long or was suspect",
  broken: (state) => {
    for (const lease of OrderedMap.values(state.leased)) {
      const reason = unfit(state, lease)
      if (reason !== undefined) return `connection ${lease.connection.id} was handed out ${reason}`
    }
    return undefined
  }
}

/**
 * Whether every permit is leased, and every holder's own fiber waits for another one; `besides` counts as if it waited too. Said
 * anew, of the queue, so that it does not believe what the allocator remembers of who is nested.
 */
export const isStuck = (state: State, besides: ReadonlyArray<Ticket>): boolean => {
  const { leased, queue, rules } = state
  const used = inUse(state).length
  if (used === 0 || used < rules.maxSize || spentCount(state) > used) return false
  const waiting = new Set(
    [...WaitQueue.entries(queue).map(([, ticket]) => ticket), ...besides].map(({ fiber }) => fiber)
  )
  return OrderedMap.values(leased).every(({ ticket: { fiber } }) => fiber !== undefined && waiting.has(fiber))
}

const noDeadlock: Invariant = {
  number: 11,
  sentence: "no state is left in which every permit is leased and every holder's own fiber waits for another one",
  broken: (state) => isStuck(state, []) ? "every holder waits for another connection, and nobody was told" : undefined
}

const drained: Invariant = {
  number: 14,
  sentence: "a pool that drains keeps nothing but leases once nobody waits, and is closed when the last permit is back",
  broken: (state) => {
    if (state.phase._tag !== "Draining" || WaitQueue.size(state.queue) > 0) return undefined
    if (spentCount(state) === 0) return "a pool that has nothing left still drains"
    const left = spentCount(state) - inUseCount(state) - state.steps.closing.size
    return left === 0 ? undefined : `a pool that drains keeps ${left} connections that nobody has or waits for`
  }
}

const supplied: Invariant = {
  number: 15,
  sentence: "as many connections are live as minSize asks for, and spare as minIdle, where one more may be opened",
  broken: (state) => {
    const { phase, queue, rules: { minIdle, minSize } } = state
    if (phase._tag === "Draining" || cannotOpen(state)) return undefined
    const live = liveCount(state)
    const least = phase._tag === "Starting" ? Math.max(phase.target, minSize) : minSize
    if (live < least) return `${live} connections are live, of at least ${least}`
    const spare = live - inUseCount(state) - WaitQueue.size(queue)
    return minIdle > 0 && spare < minIdle ? `${spare} connections are spare, of at least ${minIdle}` : undefined
  }
}

export const invariants: ReadonlyArray<Invariant> = [permits, exclusive, noIdling, fit, noDeadlock, drained, supplied]

/** Everything that is wrong with a state. */
export const brokenBy = (state: State, now: number): ReadonlyArray<string> =>
  invariants.flatMap(({ broken, number }) => {
    const problem = broken(state, now)
    return problem === undefined ? [] : [`invariant ${number}: ${problem}`]
  })
