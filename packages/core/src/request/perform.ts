/**
 * Acts on what the allocator decided. Synchronous and without failure: it notifies tickets and starts steps, each in a fiber
 * of its own, in the pool's context, so that neither a caller's services nor its interruption reach it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type { Decision, Work } from "../allocator/decision.js"
import { nothing } from "../allocator/decision.js"
import type { Holder } from "../allocator/Ticket.js"
import type { CloseReason, OpenPurpose } from "../model/events.js"
import { CloseOutcome, PoolEvent } from "../model/events.js"
import * as Resource from "../resource/Resource.js"
import type { Core } from "./core.js"
import { now, publish } from "./core.js"
import { leaseInfo } from "./diagnosis.js"

type AnyCore = Core<any, any>

export const perform = (core: AnyCore, decision: Decision): void => {
  if (decision === nothing || decision._tag === "Reuse") return
  if (decision.work.length > 0) core.work.submit(decision.order, decision.work)
  core.keeper.arm(decision.due)
}

export const startAll = (core: AnyCore, work: ReadonlyArray<Work>): void => {
  for (const item of work) start(core, item)
}

const start = (core: AnyCore, work: Work): void => {
  switch (work._tag) {
    case "HandOver":
      return work.ticket.notify({ _tag: "Granted", connection: work.connection })
    case "Deny":
      return work.ticket.notify({ _tag: "Denied", denial: work.denial })
    case "Finish":
      return work.ticket.notify({ _tag: "Done" })
    case "End":
      return end(core)
    case "Announce":
      return publish(core, (at): PoolEvent => ({ ...work.announcement, at }))
    case "Gather":
      return void Runtime.runFork(core.runtime)(core.gather, { immediate: false })
    case "Elsewhere":
    case "Gone":
    case "Over":
      return core.elsewhere(work)
    case "Open":
      return open(core, work.id, work.purpose)
    case "Check":
      return check(core, work.id, work.step)
    case "Reset":
      return reset(core, work.id)
    case "Close":
      return close(core, work.id, work.reason)
    case "Abort":
      return abort(core, work.holder, work.reason)
    case "Report":
      return report(core, work.holder)
    case "ReportEnd":
      return publish(core, (at) => PoolEvent.LeaseReturned({ at, holder: leaseInfo(work.holder, at) }))
    case "Abandon":
      return abandon(core, work.id, work.reason, work.closingSince)
  }
}

/**
 * Runs a step of one connection and commits its outcome. A step that was overtaken, by the connection's close, says nothing:
 * the state has moved on before it was stopped.
 */
const run = <X, E>(
  core: AnyCore,
  id: number,
  step: Effect.Effect<X, E, any>,
  settle: (exit: Exit.Exit<X, E>) => Effect.Effect<unknown>
): void => {
  const worker = Effect.uninterruptible(Effect.flatMap(
    Effect.exit(Effect.interruptible(step)),
    (exit) => core.workers.get(id) === fiber ? settle(exit) : Effect.void
  ))
  // Not at once: whoever performs this, perhaps a caller that gives back its connection, does not run the connector's code.
  const fiber: Fiber.RuntimeFiber<unknown> = Runtime.runFork(core.runtime)(worker, { immediate: false })
  core.workers.set(id, fiber)
}

const stop = (core: AnyCore, id: number): void => {
  core.workers.get(id)?.unsafeInterruptAsFork(FiberId.none)
  core.workers.delete(id)
}

/** A cause that says why, also where the connector interrupted itself: a waiter must not take that for its own interruption. */
const explained = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
  Cause.isInterruptedOnly(cause) ? Cause.die(new Error("The connector interrupted its own opening")) : cause

const open = (core: AnyCore, id: number, purpose: OpenPurpose): void => {
  const began = now(core)
  publish(core, (at) => PoolEvent.ConnectionOpening({ at, id, purpose }))
  const resource = Resource.make(core.settings)
  core.resources.set(id, resource)
  run(
    core,
    id,
    resource.open,
    Exit.match({
      onSuccess: () => {
        publish(core, (at) => PoolEvent.ConnectionOpened({ at, id, took: at - began }))
        return Effect.flatMap(
          Random.next,
          (spread) =>
            Effect.map(
              core.commit({ _tag: "Opened", id, spread }),
              () => resource.listen((reason) => lose(core, id, reason), () => criticise(core))
            )
        )
      },
      onFailure: (failure) => {
        const cause = explained(failure)
        publish(core, (at) => PoolEvent.ConnectionOpenFailed({ at, id, took: at - began, cause }))
        return Effect.flatMap(Random.next, (jitter) => core.commit({ _tag: "OpenFailed", id, cause, jitter }))
      }
    })
  )
}

/** Called by the connector, from anywhere. */
const lose = (core: AnyCore, id: number, reason: unknown): void => {
  const condemned = Effect.suspend(() => {
    if (!core.resources.has(id)) return Effect.void
    publish(core, (at) => PoolEvent.ConnectionLost({ at, id, reason }))
    return core.commit({ _tag: "Condemn", id, reason: "Lost" })
  })
  Runtime.runFork(core.runtime)(condemned, { immediate: false })
}

/** Has every idle connection checked before it is handed out. Must be run uninterruptibly. */
export const suspect = (core: AnyCore, reason: "Clock" | "Critical"): Effect.Effect<void> =>
  Effect.map(Effect.suspend(() => core.allocator.decide({ _tag: "Suspect", now: now(core) })), (decision) => {
    publish(core, (at) => PoolEvent.PoolSuspected({ at, reason }))
    perform(core, decision)
  })

/** Called by the connector, from anywhere. */
const criticise = (core: AnyCore): void => {
  Runtime.runFork(core.runtime)(Effect.uninterruptible(suspect(core, "Critical")), { immediate: false })
}

const stepFailed = (core: AnyCore, id: number, step: "check" | "ping" | "reset", cause: Cause.Cause<unknown>): void =>
  publish(core, (at) => PoolEvent.ConnectionStepFailed({ at, id, step, cause }))

const check = (core: AnyCore, id: number, step: "check" | "ping"): void =>
  run(core, id, core.resources.get(id)!.check(step), (exit) => {
    if (Exit.isFailure(exit)) stepFailed(core, id, step, exit.cause)
    return core.commit({ _tag: "Checked", id, passed: Exit.isSuccess(exit) })
  })

const reset = (core: AnyCore, id: number): void =>
  run(core, id, core.resources.get(id)!.reset, (exit) => {
    if (Exit.isFailure(exit)) stepFailed(core, id, "reset", exit.cause)
    return core.commit({ _tag: "ResetDone", id, passed: Exit.isSuccess(exit) })
  })

const close = (core: AnyCore, id: number, reason: CloseReason): void => {
  stop(core, id)
  const began = now(core)
  publish(core, (at) => PoolEvent.ConnectionClosing({ at, id, reason }))
  run(core, id, core.resources.get(id)!.close, (exit) => {
    const outcome = Exit.getOrElse(exit, (cause) => CloseOutcome.Failed({ cause }))
    publish(core, (at) => PoolEvent.ConnectionClosed({ at, id, reason, took: at - began, outcome }))
    // From here on there is nothing left to abandon.
    core.resources.delete(id)
    return Effect.map(core.commit({ _tag: "Closed", id, aborted: outcome._tag === "Aborted" }), () => {
      core.workers.delete(id)
    })
  })
}

/** Kills a connection under its holder, who finds out by its next call on it. */
const abort = (core: AnyCore, holder: Holder, reason: CloseReason): void => {
  core.resources.get(holder.connection)?.abort()
  publish(core, (at) => PoolEvent.LeaseAborted({ at, holder: leaseInfo(holder, at), reason }))
}

const report = (core: AnyCore, holder: Holder): void => {
  publish(core, (at) => PoolEvent.LeaseOverdue({ at, holder: leaseInfo(holder, at) }))
  const warning = Effect.suspend(() => {
    const { age, connection, fiber, span, stack } = leaseInfo(holder, now(core))
    return Effect.annotateLogs(
      Effect.logWarning(
        `Connection ${connection} of pool "${core.settings.name}" has been held for longer than leakThreshold.`
      ),
      {
        age,
        ...fiber === undefined ? {} : { fiber },
        ...span === undefined ? {} : { span },
        ...stack === undefined ? {} : { stack }
      }
    )
  })
  Runtime.runFork(core.runtime)(warning, { immediate: false })
}

/** The pool is closed. */
const end = (core: AnyCore): void => {
  core.keeper.stop()
  publish(core, (at) => PoolEvent.PoolClosed({ at }))
  core.events.end()
}

/** The pool's close deadline is over. What was not closed yet is aborted, and its finalizers run without being waited for. */
const abandon = (core: AnyCore, id: number, reason: CloseReason, closingSince: number | undefined): void => {
  const resource = core.resources.get(id)
  // Its close has ended in the meantime.
  if (resource === undefined) return
  stop(core, id)
  resource.abort()
  core.resources.delete(id)
  if (closingSince === undefined) publish(core, (at) => PoolEvent.ConnectionClosing({ at, id, reason }))
  publish(core, (at) =>
    PoolEvent.ConnectionClosed({
      at,
      id,
      reason,
      took: at - (closingSince ?? at),
      outcome: CloseOutcome.Aborted()
    }))
  Runtime.runFork(core.runtime)(resource.finalize, { immediate: false })
}
