/** A planted bug: the core's own code with one guard taken away. */
export interface Mutant {
  /** What it does wrong. */
  readonly name: string
  /** From packages/core/src/. */
  readonly file: string
  /** A text that is in the file once; where it is not, the mutant has rotted and the command fails. */
  readonly find: string
  readonly replace: string
}
