/** What has one job after the other. */
interface Line<in J> {
  submit(job: J): void
  leave(job: J): void
}

/**
 * A line as somebody sees it who has it for a time. Once `isOver`, nothing of theirs reaches it any more, however far it has come: the question is
 * asked in the moment in which a job is submitted.
 */
export const guarded = <J, L extends Line<J>>(line: L, isOver: () => boolean, refuse: (job: J) => void): L =>
  Object.assign(Object.create(line), {
    submit: (job: J) => isOver() ? refuse(job) : line.submit(job),
    leave: (job: J) => line.leave(job)
  })
