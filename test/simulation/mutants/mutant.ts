import type { Profile } from "../stage.js"

/** A planted bug: the core's own code with one guard taken away. */
export interface Mutant {
  /** What it does wrong. */
  readonly name: string
  /** From packages/core/src/. */
  readonly file: string
  /** A text that is in the file once; where it is not, the mutant has rotted and the command fails. */
  readonly find: string
  readonly replace: string
  /** Where only these runs can show it, it is looked for in them. */
  readonly profile?: Profile
}

/** Mutants that are looked for in these runs. */
export const inProfile = (profile: Profile, mutants: ReadonlyArray<Mutant>): ReadonlyArray<Mutant> =>
  mutants.map((mutant) => ({ ...mutant, profile }))
