import type { DriverConnection } from "./driver.js"

/** Above this, what a copy costs is more than what one write saves. */
const mostCopied = 65_536

/** What pg writes with. */
interface Sends {
  _send: (bytes: Uint8Array) => unknown
}

/**
 * What pg writes, a statement in five pieces, each of which costs a write to the socket and what Node keeps of that. Where many statements are
 * asked for at one time they leave in one piece, when all fibers that run now have asked.
 */
export class Outbox {
  private pieces: Array<Uint8Array> | undefined
  private readonly send: (bytes: Uint8Array) => unknown

  constructor(private readonly connection: DriverConnection) {
    const sends = connection as unknown as Sends
    this.send = sends._send.bind(sends)
    sends._send = (bytes) => this.pieces === undefined ? this.send(bytes) : this.pieces.push(bytes)
  }

  /** Keeps what is written from now on, until nothing more is asked for at this time. */
  gather(): void {
    if (this.pieces !== undefined) return
    this.pieces = []
    process.nextTick(() => this.flush())
  }

  private flush(): void {
    const pieces = this.pieces ?? []
    this.pieces = undefined
    if (pieces.reduce((size, { length }) => size + length, 0) <= mostCopied) {
      if (pieces.length > 0) this.send(Buffer.concat(pieces))
      return
    }
    const { stream } = this.connection
    stream.cork()
    for (const bytes of pieces) this.send(bytes)
    stream.uncork()
  }
}
