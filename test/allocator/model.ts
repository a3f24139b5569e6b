/**
 * What the allocator should do, said as plainly as can be: written from the contract, not from the code, and run beside it.
 *
 * It assumes a keeper that is on time: what only the passing of time allows is done by a Tick that comes before all else.
 */
import type { Input, Verdict } from "../../packages/core/src/allocator/decision.js"
import type { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import type { CloseReason } from "../../packages/core/src/model/events.js"
import type { Connection, Stage } from "./modelPool.js"
import { ModelPool, OPEN } from "./modelPool.js"

export class Model extends ModelPool {
  /** What is decided. `isSweep`: this Tick is one that the keeper was told to come for. */
  step(input: Input, isSweep: boolean): ReadonlyArray<string> {
    this.now = input.now
    this.words = []
    this.decide(input, isSweep)
    this.surplusSince = this.live().length > this.rules.minSize ? Math.min(this.surplusSince, this.now) : Infinity
    return this.words
  }

  private decide(input: Input, isSweep: boolean): void {
    switch (input._tag) {
      case "Take":
        return this.take(input.ticket)
      case "Leave":
        return this.leave(input.number, input.verdict)
      case "Opened":
        return this.with(input.id, ["opening"], (it) => this.opened(it, input.spread))
      case "OpenFailed":
        return this.with(input.id, ["opening"], (it) => this.openFailed(it, input.jitter))
      case "Checked":
        return this.with(input.id, ["checking", "probing"], (it) => this.checked(it, input.passed))
      case "ResetDone":
        return this.with(input.id, ["resetting"], (it) => this.comeBack(it, input.passed ? undefined : "ResetFailed"))
      case "Closed":
        return this.with(input.id, ["closing"], (it) => this.closed(it, input.aborted))
      case "Condemn":
        return this.with(input.id, OPEN, (it) => this.condemn(it, input.reason))
      case "Tick":
        return this.tick(isSweep)
      case "Start":
        this.phase = "Starting"
        this.target = input.target
        return this.settle()
      case "Shutdown":
        return this.shutdown(input.ticket)
    }
  }

  private with(id: number, stages: ReadonlyArray<Stage>, then: (connection: Connection) => void): void {
    const found = this.connections.find((it) => it.id === id && stages.includes(it.stage))
    if (found !== undefined) then(found)
  }

  private take(ticket: Ticket): void {
    if (!this.isOpen()) return this.say("refused: Closed")
    const waiter = { number: this.drawn++, ticket }
    this.waiters.push(waiter)
    this.settle()
    const out = this.connections.filter(({ stage }) => ["leased", "resetting", "closing"].includes(stage)).length
    const surplus = this.waiters.length - (this.rules.maxSize - out)
    if (this.waiters.includes(waiter) && surplus > this.rules.maxWaiters) {
      this.waiters.pop()
      this.counts.refused++
      this.say("refused: QueueFull")
    }
  }

  private leave(number: number, verdict: Verdict): void {
    this.waiters = this.waiters.filter((waiter) => waiter.number !== number)
    const held = this.connections.find(({ holder }) => holder === number)
    if (held === undefined) return
    held.holder = undefined
    held.uses++
    const broken = verdict._tag === "Discard" ? verdict.reason : undefined
    if (verdict._tag !== "Reset" || this.mustGo(held, broken) !== undefined) return this.comeBack(held, broken)
    held.stage = "resetting"
    this.say(`reset ${held.id}`)
  }

  /** A connection that was out goes to the longest waiter, else to the end of the idle line, unless it has to go. */
  private comeBack(it: Connection, broken: CloseReason | undefined): void {
    if (this.pass(it, broken)) this.park(it)
    this.settle()
  }

  private park(it: Connection): void {
    it.idleSince = this.now
    this.line.push(it)
  }

  private mustGo(it: Connection, broken: CloseReason | undefined): CloseReason | undefined {
    return it.condemned ?? broken ?? this.unfit(it) ?? (this.givesWay(it) ? "MaxLifetime" : undefined)
  }

  /** Whether nobody wants it. */
  private pass(it: Connection, broken: CloseReason | undefined): boolean {
    const reason = this.mustGo(it, broken)
    it.verifiedAt = this.now
    if (reason !== undefined) this.close(it, reason)
    else if (this.waiters.length > 0) this.grant(it)
    else it.stage = "idle"
    return it.stage === "idle"
  }

  private opened(it: Connection, spread: number): void {
    const { lifetimeJitter, maxLifetime } = this.rules
    it.opened = true
    it.expiresAt = this.now + maxLifetime
    it.retireAt = maxLifetime === Infinity
      ? Infinity
      : this.now + Math.ceil(maxLifetime * (1 - lifetimeJitter * spread))
    this.counts.opened++
    this.counts.failedInARow = 0
    this.notBefore = 0
    if (this.pass(it, undefined)) this.park(it)
    this.succeed(it)
    if (this.phase === "Starting" && this.inStage(...OPEN).length >= this.target) {
      this.phase = "Running"
      this.target = 0
      this.say("start is done")
    }
    this.settle()
  }

  /** A new connection ends the life of the one it was opened for; any will do if that one is gone already. */
  private succeed({ purpose }: Connection): void {
    const old = this.renewing
    if (old === undefined || (purpose !== "Successor" && OPEN.includes(old.stage))) return
    this.endRenewal()
    if (old.stage === "idle") this.close(old, "MaxLifetime")
    else if (OPEN.includes(old.stage)) old.condemned ??= "MaxLifetime"
  }

  private openFailed(it: Connection, jitter: number): void {
    const longest = Math.min(5_000, 100 * 2 ** this.counts.failedInARow)
    this.counts.failedInARow++
    this.counts.openFailures++
    this.notBefore = this.now + Math.ceil(longest * (0.5 + jitter / 2))
    this.close(it, "OpenFailed")
    if (this.phase === "Starting") {
      this.phase = "Running"
      this.target = 0
      this.say("start: Down")
    }
    if (this.rules.whenDown === "fail" && this.live().length === 0) {
      for (const { number } of this.waiters) if (number < it.watermark) this.say(`ticket ${number}: Down`)
      this.waiters = this.waiters.filter(({ number }) => number >= it.watermark)
    }
    this.settle()
  }

  private checked(it: Connection, passed: boolean): void {
    const wasPing = it.pinged
    it.pinged = false
    this.pass(it, passed ? undefined : wasPing ? "PingFailed" : "CheckFailed")
    if (!passed) {
      for (const other of this.idle()) if (other.verifiedAt <= it.checkBegan) this.check(other, "probing", "check")
    }
    if (wasPing || this.isSweepDue) this.sweep()
    this.settle()
  }

  private closed(it: Connection, aborted: boolean): void {
    this.connections = this.connections.filter((other) => other !== it)
    if (it.opened) this.counts.closed++
    if (aborted) this.counts.aborted++
    this.finishIfEmpty()
    this.settle()
  }

  private condemn(it: Connection, reason: CloseReason): void {
    it.condemned ??= reason
    if (it.stage !== "idle") return
    this.close(it, reason)
    this.settle()
  }

  private shutdown(ticket: Ticket): void {
    this.phase = "Closing"
    this.closeBy = ticket.deadline
    for (const { number } of this.waiters) this.say(`ticket ${number}: Closed`)
    this.waiters = []
    for (const it of this.inStage("opening", "idle", "checking", "probing", "resetting")) this.close(it, "Shutdown")
    this.finishIfEmpty()
  }

  private finishIfEmpty(): void {
    if (this.phase !== "Closing" || this.connections.length > 0) return
    this.phase = "Closed"
    this.say("shutdown is done")
  }

  private tick(isSweep: boolean): void {
    if (this.phase === "Closing" && this.now >= this.closeBy) return this.abandon()
    if (isSweep && this.isOpen()) this.sweep()
    this.settle()
  }

  private abandon(): void {
    for (const it of this.connections) {
      this.say(`abandon ${it.id}`)
      if (it.opened) this.counts.closed++
      this.counts.aborted++
    }
    this.connections = []
    this.finishIfEmpty()
  }
}
