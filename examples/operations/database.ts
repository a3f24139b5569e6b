/** Sessions with a database that is not there: each takes its time, and can be killed. */
import * as Connector from "@cenote/core/Connector"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What a call on a session fails with that was killed. */
export class SessionEnded extends Data.TaggedError("SessionEnded")<{ readonly session: number }> {
  override get message(): string {
    return `session ${this.session} was killed`
  }
}

export class Session {
  isOpen = true

  constructor(readonly number: number, readonly openedWith: string) {}

  /** A statement that takes so long. */
  work(duration: Duration.DurationInput): Effect.Effect<void, SessionEnded> {
    return Effect.zipRight(
      Effect.sleep(duration),
      Effect.suspend(() => this.isOpen ? Effect.void : new SessionEnded({ session: this.number }))
    )
  }
}

/** A server, with the time that a connect takes, and the password that it wants now. */
export class Database {
  private sessions = 0
  password = "winter"

  constructor(private readonly connect: Duration.DurationInput = "5 millis") {}

  /** `password` is read anew at each opening, so that one that has changed is used from then on. */
  get connector(): Connector.Connector<Session> {
    return Connector.make({
      name: "database",
      open: Effect.acquireRelease(
        Effect.map(Effect.sleep(this.connect), () => new Session(this.sessions++, this.password)),
        (session) =>
          Effect.sync(() => {
            session.isOpen = false
          })
      ),
      check: (session) => session.work("1 millis"),
      isBroken: (session) => !session.isOpen,
      abort: (session) => {
        session.isOpen = false
      }
    })
  }
}
