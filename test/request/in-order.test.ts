import { expect, it } from "@effect/vitest"
import { InOrder } from "../../packages/core/src/request/InOrder.js"

const recorder = () => {
  const done: Array<string> = []
  return { done, work: new InOrder<string>((value) => done.push(value)) }
}

it("what comes in order is done at once", () => {
  const { done, work } = recorder()
  work.submit(0, "a")
  expect(done).toEqual(["a"])
  work.submit(1, "b")
  expect(done).toEqual(["a", "b"])
})

it("what comes early is done when all that was decided before it has come", () => {
  const { done, work } = recorder()
  work.submit(2, "c")
  work.submit(3, "d")
  work.submit(1, "b")
  expect(done).toEqual([])
  work.submit(0, "a")
  expect(done).toEqual(["a", "b", "c", "d"])
  work.submit(5, "f")
  work.submit(4, "e")
  expect(done).toEqual(["a", "b", "c", "d", "e", "f"])
})

it("work that asks for more work has it done after itself, once", () => {
  const done: Array<string> = []
  const work: InOrder<string> = new InOrder((value) => {
    done.push(value)
    if (value === "a") work.submit(1, "b")
  })
  work.submit(0, "a")
  work.submit(2, "c")
  expect(done).toEqual(["a", "b", "c"])
})
