/** The fake server, from the inside. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type { Behaviour, Step } from "./behaviour.js"
import { behave, FakeError, ok } from "./behaviour.js"
import type { Counts, LogEntry } from "./log.js"
import type { Outage } from "./Outage.js"

/**
 * Ends as the effect does, or as `other` says if that comes first. Not a race: it leaves no fiber behind, whenever it is interrupted.
 * `other` returns what is to be done when it does not matter any more.
 */
const until = <A, E>(
  effect: Effect.Effect<A, E>,
  other: (end: (effect: Effect.Effect<A, E>) => void) => () => void
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let stop: () => void = constVoid
    return Effect.acquireUseRelease(
      Effect.fork(Effect.interruptible(effect)),
      (fiber) =>
        Effect.async<A, E>((resume) => {
          fiber.addObserver(resume)
          stop = other(resume)
        }),
      (fiber) => Effect.zipRight(Effect.sync(() => stop()), Fiber.interruptFork(fiber))
    )
  })

export class Connection {
  isAlive = true
  isDirty = false
  lost: ((reason: unknown) => void) | undefined = undefined
  critical: (() => void) | undefined = undefined
  private readonly calls = new Set<() => void>()

  constructor(readonly id: number, private readonly server: Server) {}

  dirty = (): void => {
    this.isDirty = true
  }

  get call(): Effect.Effect<void, FakeError> {
    const dead = () => Effect.fail(new FakeError({ step: "call", reason: "the connection is dead" }))
    return Effect.suspend(() => {
      if (!this.isAlive) return dead()
      this.server.record("called", this.id)
      const answer = until<void, FakeError>(this.server.run("call"), (end) => {
        const die = () => end(dead())
        this.calls.add(die)
        return () => this.calls.delete(die)
      })
      return Effect.onInterrupt(answer, () => Effect.sync(this.dirty))
    })
  }

  /** It dies, and so do the calls that are under way. */
  die(): void {
    this.isAlive = false
    for (const die of this.calls) die()
    this.calls.clear()
  }
}

/** An outage by the clock, and who hangs in it. */
export interface Spell extends Outage {
  readonly waiting: Set<() => void>
}

export class Server {
  private readonly standing = new Map<Step, Behaviour>()
  private readonly scripted = new Map<Step, Array<Behaviour>>()
  readonly log: Array<LogEntry> = []
  private readonly connections: Array<Connection> = []
  private spells: Array<Spell> = []
  private mostAlive = 0
  private openings = 0

  constructor(private readonly now: () => number) {}

  set(step: Step, behaviour: Behaviour): void {
    this.standing.set(step, behaviour)
  }

  script(step: Step, behaviours: ReadonlyArray<Behaviour>): void {
    this.scripted.set(step, [...this.scripted.get(step) ?? [], ...behaviours])
  }

  run(step: Step): Effect.Effect<void, FakeError> {
    return Effect.suspend(() => {
      const spell = this.spell
      return spell === undefined ? this.answer(step) : this.suffer(step, spell)
    })
  }

  private answer(step: Step): Effect.Effect<void, FakeError> {
    return behave(this.scripted.get(step)?.shift() ?? this.standing.get(step) ?? ok)
  }

  private suffer(step: Step, spell: Spell): Effect.Effect<void, FakeError> {
    const { manner } = spell
    switch (manner._tag) {
      case "Down":
        return step === "close" ? Effect.void : Effect.fail(new FakeError({ step, reason: manner.reason }))
      case "Refuse":
        return step === "open" ? Effect.fail(new FakeError({ step, reason: manner.reason })) : this.answer(step)
      case "Slow":
        return Effect.zipRight(Effect.sleep(manner.by), Effect.suspend(() => this.answer(step)))
      case "Hang":
        return Effect.zipRight(this.end(spell), this.run(step))
    }
  }

  /** The outage of now. */
  private get spell(): Spell | undefined {
    if (this.spells.length === 0) return undefined
    const now = this.now()
    return this.spells.filter(({ from, to }) => from <= now && now < to).at(-1)
  }

  /** Ends when the outage is over, by the clock or by `recover`. */
  private end(spell: Spell): Effect.Effect<void> {
    return until(Effect.sleep(Duration.millis(spell.to - this.now())), (end) => {
      const wake = () => end(Effect.void)
      spell.waiting.add(wake)
      return () => spell.waiting.delete(wake)
    })
  }

  /** Whether it is down, and why. */
  get downBecause(): string | undefined {
    const manner = this.spell?.manner
    return manner?._tag === "Down" ? manner.reason : undefined
  }

  /** From now on the outage is known. When it begins it is to be told. */
  foresee(outage: Outage): Spell {
    const at = this.now()
    const spell = { ...outage, from: at + outage.from, to: at + outage.to, waiting: new Set<() => void>() }
    this.spells.push(spell)
    return spell
  }

  begins(spell: Spell): void {
    if (this.spells.includes(spell) && spell.manner._tag === "Down") this.killAll()
  }

  recover(): void {
    const over = this.spells
    this.spells = []
    for (const { waiting } of over) {
      for (const wake of waiting) wake()
    }
  }

  record(event: LogEntry["event"], connection: number): void {
    this.log.push({ event, connection, at: this.now() })
  }

  /** Numbers an opening that begins. */
  begin(): number {
    const id = this.openings++
    this.record("opening", id)
    return id
  }

  connect(id: number): Connection {
    const connection = new Connection(id, this)
    this.connections.push(connection)
    this.mostAlive = Math.max(this.mostAlive, this.alive)
    this.record("opened", id)
    return connection
  }

  find(id: number): Connection | undefined {
    return this.connections.find((connection) => connection.id === id)
  }

  kill(id: number): void {
    const connection = this.find(id)
    if (connection === undefined || !connection.isAlive) return
    connection.die()
    this.record("killed", id)
    connection.lost?.("it was killed")
  }

  private killAll(): void {
    for (const { id } of this.connections) this.kill(id)
  }

  private get alive(): number {
    return this.connections.filter(({ isAlive }) => isAlive).length
  }

  get counts(): Counts {
    const count = (event: LogEntry["event"]) => this.log.filter((entry) => entry.event === event).length
    return {
      opening: count("opening"),
      opened: count("opened"),
      checked: count("checked"),
      pinged: count("pinged"),
      reset: count("reset"),
      called: count("called"),
      closing: count("closing"),
      closed: count("closed"),
      aborted: count("aborted"),
      killed: count("killed"),
      alive: this.alive,
      mostAlive: this.mostAlive
    }
  }
}
