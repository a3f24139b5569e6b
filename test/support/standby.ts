/** The files of a standby: a copy of a server that goes on meanwhile. */
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { promisify } from "node:util"
import pg from "pg"

/** What the copy must not have: it is another server, and what its primary was told later is not its own. */
const notCopied = ["postmaster.pid", "postmaster.opts", "postgresql.auto.conf"]

/** Files may go while they are copied: what is missing then is in the log that the standby reads. */
const copyFiles = (from: string, to: string): Promise<unknown> =>
  promisify(execFile)("cp", ["-a", `${from}/.`, to]).catch((error: { readonly stderr?: string }) => {
    const lines = (error.stderr ?? "").trim().split("\n")
    if (!lines.every((line) => line.endsWith("No such file or directory"))) throw error
  })

/** Copies the files of the server at `url`, which are in `from`, to the empty folder `to`. */
export const copy = async (url: string, from: string, to: string): Promise<void> => {
  const client = new pg.Client(url)
  client.on("error", () => {})
  await client.connect()
  try {
    // The copy is good for the session that has asked for it.
    await client.query("select pg_backup_start('standby', true)")
    await copyFiles(from, to)
    const { rows: [row] } = await client.query("select labelfile from pg_backup_stop(false)")
    const { gid, uid } = await fs.stat(from)
    for (const name of notCopied) await fs.rm(path.join(to, name), { force: true })
    for (const [name, content] of [["backup_label", row.labelfile], ["standby.signal", ""]] as const) {
      await fs.writeFile(path.join(to, name), content, { mode: 0o600 })
      await fs.chown(path.join(to, name), uid, gid)
    }
  } finally {
    await client.end()
  }
}
