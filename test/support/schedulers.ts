/** Worlds of the testing kit, in which what a test told somebody to die of is no surprise. */
import { World as Kit } from "@cenote/core/testing"

export type AnyFiber = Kit.AnyFiber
export type Policy = Kit.Policy
export type Numbers = Kit.Numbers

export const { inOrder, Numbers, shuffled } = Kit

/** What a fake server or a caller dies of on purpose. */
export const isTold = (defect: unknown): boolean => defect instanceof Error && /\btold to\b/.test(defect.message)

export class World extends Kit.World {
  constructor(policy: Policy = inOrder) {
    super(policy, { isExpected: isTold })
  }
}
