/** What the simulation must find. */
import { allocator } from "./allocator.js"
import type { Mutant } from "./mutant.js"
import { request } from "./request.js"

export const mutants: ReadonlyArray<Mutant> = [...allocator, ...request]
