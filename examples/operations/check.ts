/** What an example says of itself, and whether it is so. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class ExampleFailed extends Data.TaggedError("ExampleFailed")<{ readonly message: string }> {}

export const claim = (text: string, holds: boolean): Effect.Effect<void, ExampleFailed> =>
  holds ? Console.log(`  ✔ ${text}`) : new ExampleFailed({ message: `It is not so that ${text}` })

/** Waits until it is so, for 10 seconds at most. */
export const until = <E, R>(
  text: string,
  condition: Effect.Effect<boolean, E, R>
): Effect.Effect<void, E | ExampleFailed, R> =>
  condition.pipe(
    Effect.flatMap((holds) => holds ? Effect.succeed(true) : Effect.delay(Effect.succeed(false), "2 millis")),
    Effect.repeat({ until: (holds) => holds }),
    Effect.timeoutFail({
      duration: "10 seconds",
      onTimeout: () => new ExampleFailed({ message: `It never came to be that ${text}` })
    }),
    Effect.zipRight(claim(text, true))
  )
