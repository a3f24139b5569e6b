/**
 * Does what was decided in the order in which it was decided.
 *
 * A fiber that has committed a transaction may be preempted before it acts on the decision, and another one commits and acts
 * meanwhile. Closing a connection must not come before opening it. So who comes too early leaves its work to who comes late.
 * Nobody waits: both are uninterruptible from the commit on, so the late one is sure to come.
 */
export class InOrder<in out A> {
  private next = 0
  private readonly early = new Map<number, A>()

  constructor(private readonly act: (value: A) => void) {}

  /** Acts on the value when all of a lower number have been acted on: now, or when they are. */
  submit(order: number, value: A): void {
    if (order === this.next && this.early.size === 0) {
      this.next++
      return this.act(value)
    }
    this.early.set(order, value)
    for (let ready = this.early.get(this.next); ready !== undefined; ready = this.early.get(this.next)) {
      this.early.delete(this.next)
      this.next++
      this.act(ready)
    }
  }
}
