/** Processes of this machine, as Linux has them in /proc. */
import { readdirSync, readFileSync } from "node:fs"

interface Process {
  readonly id: number
  readonly parent: number
}

/** Undefined: it has ended, though its parent may not have asked for how. */
const read = (id: number): Process | undefined => {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, "utf8")
    // "1234 (name (of) it) S 1": the name may have parentheses.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === "Z" || state === "X" ? undefined : { id, parent: Number(parent) }
  } catch {
    return undefined
  }
}

export const isAlive = (id: number): boolean => read(id) !== undefined

export const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const process = read(Number(name))
      return process?.parent === parent ? [process.id] : []
    })

/** Whether all of its threads are stopped, or it has ended. */
export const isStopped = (id: number): boolean => {
  try {
    return readdirSync(`/proc/${id}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${id}/task/${thread}/stat`, "utf8")
      return /^[TZX]/.test(stat.slice(stat.lastIndexOf(")") + 2))
    })
  } catch {
    return !isAlive(id)
  }
}

/** Nothing happens to one that has ended. */
export const send = (id: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(id, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}
