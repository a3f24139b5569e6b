/**
 * What the allocator should do, said as plainly as can be: written from the contract, not from the code, and run beside it.
 *
 * It assumes a keeper that is on time: what only the passing of time allows is done by a Tick that comes before all else.
 */
import type { Input, Verdict } from "../../packages/core/src/allocator/decision.js"
import type { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import type { CloseReason } from "../../packages/core/src/model/events.js"
import { copy } from "./copy.js"
import type { Connection, Stage } from "./modelPool.js"
import { OPEN } from "./modelPool.js"
import type { Waiter } from "./modelQueue.js"
import { ModelUpkeep } from "./modelUpkeep.js"

type Operation = Extract<Input, { _tag: "Clear" | "Recycle" | "Suspend" | "Resume" | "Resize" }>

export class Model extends ModelUpkeep {
  /** What is decided. `isSweep`: the keeper was told to come by now, so this input sweeps. */
  step(input: Input, isSweep: boolean): ReadonlyArray<string> {
    this.now = input.now
    this.words = []
    this.decide(input, isSweep)
    this.endStep()
    return this.words
  }

  private decide(input: Input, isSweep: boolean): void {
    switch (input._tag) {
      case "Take":
        return this.take(input.ticket)
      case "Claim":
        return this.claim({ number: this.drawn, ticket: input.ticket })
      case "Leave":
        return this.leave(input.number, input.verdict)
      case "Opened":
        return this.with(input.id, ["opening"], (it) => this.opened(it, input.spread))
      case "OpenFailed":
        return this.with(input.id, ["opening"], (it) => this.openFailed(it, input.jitter))
      case "Checked":
        return this.with(input.id, ["checking", "probing"], (it) => this.checked(it, input.passed, isSweep))
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
      case "Drain":
        return this.drain()
      case "Suspect":
        return this.suspect(Infinity)
      case "Clear":
      case "Recycle":
      case "Suspend":
      case "Resume":
      case "Resize":
        return this.operate(input, isSweep)
    }
  }

  private with(id: number, stages: ReadonlyArray<Stage>, then: (connection: Connection) => void): void {
    const found = this.connections.find((it) => it.id === id && stages.includes(it.stage))
    if (found !== undefined) then(found)
  }

  private take(ticket: Ticket): void {
    if (this.isClosing() || this.phase === "Draining") return this.say("refused: Closed")
    const { newcomers, until } = this.suspension
    const waiter = { number: this.drawn++, ticket }
    if (this.phase === "Suspended" && newcomers === "refuse" && this.now < until) {
      this.counts.refused++
      return this.say("refused: Suspended")
    }
    const before = copy({ ...this })
    this.join(waiter)
    this.settle()
    if (!this.waiters.includes(waiter)) return
    const out = this.connections.filter(({ stage }) => ["leased", "resetting", "closing"].includes(stage)).length
    const surplus = this.waiters.length - (this.rules.maxSize - out)
    const reason = surplus > this.rules.maxWaiters
      ? "QueueFull"
      : this.isHopeless(waiter)
      ? "DeadlineTooShort"
      : undefined
    if (reason === undefined) return
    this.remove(waiter)
    if (this.waiters.length === 0 && this.words.some((word) => word.endsWith(": Overloaded"))) {
      // The last that waited was shed for somebody who may not stay: as if nobody had come.
      Object.assign(this, before)
      this.settle()
    }
    if (reason === "QueueFull") this.counts.refused++
    else this.counts.shed++
    this.say(`refused: ${reason}`)
  }

  /** Gets what is ready, and else nothing: nobody is passed, and nothing has to be done for it. */
  private claim(waiter: Waiter): void {
    const it = this.goesOn() && this.waiters.length === 0 ? this.ready() : undefined
    if (it === undefined || this.lacksSpare()) return
    this.drawn++
    this.join(waiter)
    this.grant(it)
  }

  private leave(number: number, verdict: Verdict): void {
    const waiter = this.waiters.find((waiter) => waiter.number === number)
    if (waiter !== undefined) {
      this.remove(waiter)
      this.counts.gaveUp++
      return this.settle()
    }
    const held = this.connections.find(({ holder }) => holder?.number === number)
    if (held === undefined) return
    if (held.overdue !== undefined) this.say(`${number} came back`)
    held.holder = undefined
    held.uses++
    this.returns++
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

  /** Whether nobody wants it. */
  private pass(it: Connection, broken: CloseReason | undefined): boolean {
    const reason = this.mustGo(it, broken)
    it.verifiedAt = this.now
    if (reason !== undefined) {
      this.close(it, reason)
      return false
    }
    it.stage = "idle"
    this.shed()
    if (this.waiters.length > 0 && this.phase !== "Suspended") this.grant(it)
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
    this.forgetFailures()
    if (this.pass(it, undefined)) this.park(it)
    this.succeed(it)
    if (this.phase === "Starting" && this.inStage(...OPEN).length >= this.target) {
      this.phase = "Running"
      this.target = 0
      this.say("start is done")
    }
    this.settle()
  }

  private forgetFailures(): void {
    this.counts.failedInARow = 0
    this.notBefore = 0
  }

  /** A new connection ends the life of the one it was opened for; any will do if that one is gone already. */
  private succeed({ purpose }: Connection): void {
    const old = this.renewing
    if (old === undefined || (purpose !== "Successor" && OPEN.includes(old.stage))) return
    this.endRenewal()
    if (old.stage === "idle") this.close(old, old.endsAs)
    else if (OPEN.includes(old.stage)) old.condemned ??= old.endsAs
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
    if (this.rules.whenDown === "fail" && this.live().length === 0 && this.phase !== "Suspended") {
      for (const waiter of this.waiters) if (waiter.number < it.watermark) this.deny(waiter, "Down")
    }
    this.settle()
  }

  private checked(it: Connection, passed: boolean, isSweep: boolean): void {
    const wasPing = it.pinged
    it.pinged = false
    this.pass(it, passed ? undefined : wasPing ? "PingFailed" : "CheckFailed")
    if (!passed && this.phase === "Suspended") this.suspect(it.checkBegan)
    else if (!passed) {
      for (const other of this.idle()) if (other.verifiedAt <= it.checkBegan) this.check(other, "probing", "check")
    }
    if (wasPing || this.isSweepDue || isSweep) this.sweep()
    this.settle()
  }

  /** What has not been known to work since then may be dead. */
  private suspect(since: number): void {
    for (const it of this.idle()) if (it.verifiedAt <= since) it.verifiedAt = -Infinity
  }

  private closed(it: Connection, aborted: boolean): void {
    this.connections = this.connections.filter((other) => other !== it)
    if (it.opened) this.counts.closed++
    if (aborted) this.counts.aborted++
    if (this.phase === "Closing") this.finishIfEmpty()
    this.settle()
  }

  private condemn(it: Connection, reason: CloseReason): void {
    it.condemned ??= reason
    if (it.stage !== "idle") return
    this.close(it, reason)
    this.settle()
  }

  private operate(input: Operation, isSweep: boolean): void {
    if (this.isClosing()) return this.say("refused: Closed")
    const sweeps = this.change(input)
    if (sweeps || isSweep || this.isSweepDue) this.sweep()
    this.settle()
  }

  /** Whether everything is to be looked at after it. */
  private change(input: Operation): boolean {
    switch (input._tag) {
      case "Clear":
        this.announced.push("PoolCleared")
        this.clear(input.abortLeases)
        return false
      case "Recycle":
        this.announced.push("PoolRecycled")
        this.recycle(input.within)
        return true
      case "Suspend":
        if (this.phase === "Draining") return false
        this.announced.push("PoolSuspended")
        this.phase = "Suspended"
        this.suspension = { newcomers: input.newcomers, until: input.until }
        this.judgeAnew()
        return false
      case "Resume":
        if (this.phase !== "Suspended") return false
        this.resume()
        return true
      case "Resize":
        this.announced.push("PoolResized")
        this.resize(input.sizes)
        return true
    }
  }

  private clear(abortLeases: boolean): void {
    this.forgetFailures()
    this.endAll("Cleared")
    for (const it of this.leased()) {
      if (abortLeases) this.abort(it, "Cleared")
      else it.condemned ??= "Cleared"
    }
  }

  private recycle(within: number): void {
    this.forgetFailures()
    const all = this.inStage(...OPEN).filter(({ condemned }) => condemned === undefined)
    for (const [index, it] of all.entries()) {
      const turn = this.now + Math.floor(within * index / all.length)
      it.retireAt = it.expiresAt <= this.now + within ? Math.min(it.retireAt, turn) : turn
      if (it.expiresAt <= this.now + within) continue
      it.expiresAt = this.now + within
      it.endsAs = "Recycled"
    }
    for (const it of this.inStage("opening")) this.close(it, "Recycled")
  }

  private resize(sizes: Extract<Operation, { _tag: "Resize" }>["sizes"]): void {
    this.rules = { ...this.rules, ...sizes }
    const surplus = () => this.live().length - this.rules.maxSize
    for (const it of this.inStage("opening").reverse()) if (surplus() > 0) this.close(it, "Resized")
    for (const it of this.idle()) if (surplus() > 0) this.close(it, "Resized")
    for (const stage of ["probing", "checking"] as const) {
      for (const it of this.inStage(stage).reverse()) if (surplus() > 0) this.close(it, it.condemned ?? "Resized")
    }
  }

  private shutdown(ticket: Ticket): void {
    this.enders.push("shutdown")
    if (this.phase === "Closed") return this.finish()
    if (this.phase !== "Closing") this.announced.push("PoolClosing")
    this.closeBy = this.phase === "Closing" ? Math.min(this.closeBy, ticket.deadline) : ticket.deadline
    this.phase = "Closing"
    for (const waiter of this.waiters) this.deny(waiter, "Closed")
    this.endAll("Shutdown")
    this.finishIfEmpty()
  }

  private drain(): void {
    this.enders.push("drain")
    if (this.phase === "Closed") return this.finish()
    if (this.phase === "Closing") return
    if (this.phase !== "Draining") this.announced.push("PoolDraining")
    this.phase = "Draining"
    this.settle()
  }

  protected finishIfEmpty(): void {
    if (this.connections.length === 0) this.finish()
  }

  private finish(): void {
    if (this.phase !== "Closed") this.announced.push("PoolClosed")
    this.phase = "Closed"
    for (const ender of this.enders) this.say(`${ender} is done`)
    this.enders = []
  }

  private tick(isSweep: boolean): void {
    if (this.phase === "Closing" && this.now >= this.closeBy) return this.abandon()
    if (isSweep && !this.isClosing()) this.sweep()
    this.settle()
  }

  private abandon(): void {
    for (const it of this.connections) {
      this.say(`abandon ${it.id}`)
      if (it.opened) this.counts.closed++
      this.counts.aborted++
    }
    this.connections = []
    this.finish()
  }
}
