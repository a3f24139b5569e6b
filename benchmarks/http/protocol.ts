/** What a process that answers requests tells the one that started it, which asks only for `Cpu`. */
export type ServerMessage =
  | { readonly _tag: "Listening"; readonly port: number }
  /** Microseconds that this process has had of the processor since it began. */
  | { readonly _tag: "Cpu"; readonly microseconds: number }
