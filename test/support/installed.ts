/** Programs that the machine has, or has not. */
import { accessSync, constants } from "node:fs"
import * as path from "node:path"

/** Debian has servers where only administrators look. */
const places = [
  ...(process.env.PATH ?? "").split(path.delimiter),
  "/usr/sbin",
  "/usr/bin",
  "/usr/local/sbin",
  "/usr/local/bin"
]

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Its path. */
export const installed = (program: string): string | undefined =>
  places.map((folder) => path.join(folder, program)).find(isProgram)

const nobody = 65534

/** What is spawned with it is not run by root, which servers refuse. */
export const asNobody: { readonly uid?: number; readonly gid?: number } = process.getuid?.() === 0
  ? { uid: nobody, gid: nobody }
  : {}
