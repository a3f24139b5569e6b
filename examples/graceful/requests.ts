/** The requests that a Node server has under way, and what becomes of them once it is told to stop. */
import type * as http from "node:http"

/**
 * - `Serving`: every request is taken.
 * - `Stopping`: those that are under way may finish, all others are refused.
 * - `Cutting`: those that are under way still are about to lose their connections.
 */
type Phase = "Serving" | "Stopping" | "Cutting"

/** What became of the requests. */
export interface Counts {
  /** How many were under way when the server was told to stop. */
  readonly underWay: number
  /** Those of them whose whole answer was sent. */
  readonly finished: number
  /** Those of them whose client left before. */
  readonly left: number
  /** Those of them that were not answered in time. */
  readonly cut: number
  /** Requests that came later. */
  readonly refused: number
}

export class Requests {
  /** By what they ask, as long as their answers are not sent whole. In order of arrival. */
  private readonly underWay = new Map<http.IncomingMessage, http.ServerResponse>()
  private readonly waiting = new Set<() => void>()
  private phase: Phase = "Serving"
  private atStop = 0
  private finished = 0
  private left = 0
  private cutShort = 0
  private refused = 0

  constructor(server: http.Server) {
    // Before whoever answers it.
    server.prependListener("request", (request, response) => this.begin(request, response))
  }

  private begin(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.phase !== "Serving") {
      this.refused++
      return
    }
    this.underWay.set(request, response)
    response.once("close", () => this.end(request, response))
  }

  private end(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.underWay.delete(request)
    if (this.phase !== "Serving") {
      if (response.writableFinished) this.finished++
      else if (this.phase === "Stopping") this.left++
      else this.cutShort++
    }
    if (this.underWay.size > 0) return
    for (const done of this.waiting) done()
    this.waiting.clear()
  }

  /** Refuses newcomers from now on, and tells who is answered that its connection ends. Says how many these are. */
  stop(): number {
    this.phase = "Stopping"
    this.atStop = this.underWay.size
    // A client may send a request before the last one is answered. Then only the last answer of its connection says so: what
    // follows such an answer is not read any more.
    const last = new Map([...this.underWay].map(([request, response]) => [request.socket, response]))
    for (const response of last.values()) {
      if (!response.headersSent) response.setHeader("connection", "close")
    }
    return this.atStop
  }

  /** From now on it is no client that ends a connection. */
  cut(): void {
    this.phase = "Cutting"
  }

  refuses(request: http.IncomingMessage): boolean {
    return this.phase !== "Serving" && !this.underWay.has(request)
  }

  get counts(): Counts {
    return {
      underWay: this.atStop,
      finished: this.finished,
      left: this.left,
      cut: this.cutShort,
      refused: this.refused
    }
  }

  /** Calls back when none is under way, at once if that is so already. Returns how to give up waiting. */
  whenNone(done: () => void): () => void {
    if (this.underWay.size === 0) done()
    else this.waiting.add(done)
    return () => this.waiting.delete(done)
  }
}
