/** What a flight has of a job. */
interface Flying {
  readonly isAnswered: boolean
}

interface Place<J> {
  readonly job: J
  /** Nobody waits for it any more, but the server has it. */
  isLeft: boolean
}

/**
 * What the driver has, in the order in which it is answered: one job, or several where `isShared`. The server does one after the other, and
 * nobody but the server knows which it is at: an answer may be on its way.
 */
export class Flight<J extends Flying> {
  private readonly places: Array<Place<J>> = []
  private left = 0
  private over = 0

  constructor(readonly isShared: boolean) {}

  get first(): J | undefined {
    return this.places[0]?.job
  }

  get isEmpty(): boolean {
    return this.places.length === 0
  }

  /** How many have been answered in full. */
  get passed(): number {
    return this.over
  }

  /** Whether there is one that nobody waits for. */
  get hasLeft(): boolean {
    return this.left > 0
  }

  /** Whether nobody waits for any: only then a cancel hits nothing that somebody wants. */
  get isAbandoned(): boolean {
    return this.left > 0 && this.left === this.places.length
  }

  get jobs(): ReadonlyArray<J> {
    return this.places.map(({ job }) => job)
  }

  has(job: J): boolean {
    return this.placeOf(job) !== undefined
  }

  add(job: J): void {
    this.places.push({ job, isLeft: false })
  }

  /** It was not sent after all. */
  remove(job: J): void {
    const index = this.places.findIndex((place) => place.job === job)
    const [place] = index < 0 ? [] : this.places.splice(index, 1)
    if (place?.isLeft === true) this.left--
  }

  leave(job: J): void {
    const place = this.placeOf(job)
    if (place === undefined || place.isLeft) return
    place.isLeft = true
    this.left++
  }

  /** One answer has come to its end: the first one's, unless that has not been told of any, and it was somebody else's. */
  pass(): void {
    const place = this.places[0]
    if (place?.job.isAnswered !== true) return
    this.places.shift()
    this.over++
    if (place.isLeft) this.left--
  }

  private placeOf(job: J): Place<J> | undefined {
    return this.places.find((place) => place.job === job)
  }
}
