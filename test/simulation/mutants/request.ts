/** Guards of the request and the resource layer. */
import type { Mutant } from "./mutant.js"

export const request: ReadonlyArray<Mutant> = [
  {
    name: "a notice that came before the wait is lost",
    file: "allocator/Ticket.ts",
    find: "if (this.notice !== undefined) return listener(this.notice)",
    replace: ""
  },
  {
    name: "a notice does not wake who waits",
    file: "allocator/Ticket.ts",
    find: "this.listener?.(notice)",
    replace: ""
  },
  {
    name: "use installs its release after the wait",
    file: "request/acquire.ts",
    find: "return Effect.matchCauseEffect(restore(body), {\n" +
      "        onSuccess: (value) => leave(core, decision.number, held, value),\n" +
      "        onFailure: (cause) =>",
    replace: "return Effect.matchCauseEffect(restore(body), {\n" +
      "        onSuccess: (value) => leave(core, decision.number, held, value),\n" +
      "        onFailure: (cause) => held === undefined ? Effect.failCause(cause) :"
  },
  {
    name: "get installs its release after the wait",
    file: "request/acquire.ts",
    find:
      "onSuccess: keep,\n        onFailure: (cause) => Effect.flatMap(leave(core, number, held, cause), Effect.failCause)",
    replace: "onSuccess: keep,\n        onFailure: Effect.failCause"
  },
  {
    name: "use can be interrupted between the commit and its wait",
    file: "request/acquire.ts",
    find:
      "): Effect.Effect<B, E | E2 | AcquireError, R2> =>\n  Effect.uninterruptibleMask((restore) =>\n    take(core, options,",
    replace: "): Effect.Effect<B, E | E2 | AcquireError, R2> =>\n" +
      "  ((f: (restore: <X>(x: X) => X) => Effect.Effect<B, E | E2 | AcquireError, R2>) => f((x) => x))((restore) =>\n" +
      "    take(core, options,"
  },
  {
    name: "a caller that leaves stops the pool's openings",
    file: "request/acquire.ts",
    find: "  const input = { _tag: \"Leave\", now: now(core), number, verdict: verdict(held) } as const",
    replace: "  if (held === undefined) core.workers.forEach((fiber) => fiber.unsafeInterruptAsFork(fiber.id()))\n" +
      "  const input = { _tag: \"Leave\", now: now(core), number, verdict: verdict(held) } as const"
  },
  {
    name: "a connection goes on as its user left it",
    file: "request/acquire.ts",
    find: "return Verdicts.reset",
    replace: "return Verdicts.keep"
  },
  {
    name: "work is done in the order in which fibers come to it",
    file: "request/InOrder.ts",
    find: "    this.early.set(order, value)",
    replace: "    return this.act(value)\n    this.early.set(order, value)"
  },
  {
    name: "the keeper keeps the first alarm only",
    file: "request/Keeper.ts",
    find: "if (this.stopped || due >= (this.alarms.at(-1)?.at ?? Infinity)) return",
    replace: "if (this.stopped || this.alarms.length > 0) return"
  },
  {
    name: "the keeper goes on after the pool is closed",
    file: "request/perform.ts",
    find: "core.keeper.stop()",
    replace: ""
  },
  {
    name: "a step that was overtaken by its connection's close is not stopped",
    file: "request/perform.ts",
    find: "const close = (core: AnyCore, id: number, reason: CloseReason): void => {\n  stop(core, id)",
    replace: "const close = (core: AnyCore, id: number, reason: CloseReason): void => {"
  },
  {
    name: "what the close deadline leaves behind is not closed",
    file: "request/perform.ts",
    find: "  Runtime.runFork(core.runtime)(resource.finalize, { immediate: false })",
    replace: ""
  },
  {
    name: "a connection that dies while nobody uses it stays",
    file: "request/perform.ts",
    find: "resource.listen((reason) => lose(core, id, reason),",
    replace: "resource.listen(() => {},"
  },
  {
    name: "an opening that hangs is waited for",
    file: "resource/Resource.ts",
    find: "alarm.addObserver(() => resume(Effect.failSync(onTimeout)))",
    replace: ""
  },
  {
    name: "a step that has timed out is not interrupted",
    file: "resource/Resource.ts",
    find: "fiber.unsafeInterruptAsFork(FiberId.none)",
    replace: ""
  },
  {
    name: "a timer stays when its step is over",
    file: "resource/Resource.ts",
    find: "alarm.unsafeInterruptAsFork(FiberId.none)",
    replace: ""
  },
  {
    name: "a close that never ends is not aborted",
    file: "resource/Resource.ts",
    find: "          this.abort()\n          return CloseOutcome.Aborted()",
    replace: "          return CloseOutcome.Aborted()"
  },
  {
    name: "a failed opening's finalizers do not run",
    file: "resource/Resource.ts",
    find: "const finalizers = Scope.close(this.scope, Exit.void)",
    replace: "const finalizers = Option.isNone(this.opened) ? Effect.void : Scope.close(this.scope, Exit.void)"
  }
]
