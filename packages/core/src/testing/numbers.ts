/**
 * Random numbers from a seed.
 *
 * @since 0.1.0
 */

/**
 * The same seed gives the same numbers (mulberry32 by Tommy Ettinger, public domain).
 *
 * @since 0.1.0
 * @category numbers
 */
export class Numbers {
  constructor(private state: number) {}

  /**
   * From 0 to below 1.
   *
   * @since 0.1.0
   */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /**
   * A whole number from 0 to below `end`.
   *
   * @since 0.1.0
   */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /**
   * True with this probability.
   *
   * @since 0.1.0
   */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /**
   * One of the values, which must not be none.
   *
   * @since 0.1.0
   */
  pick<A>(values: ReadonlyArray<A>): A {
    return values[this.below(values.length)]!
  }
}
