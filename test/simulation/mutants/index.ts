/** What the simulation must find. */
import { allocator } from "./allocator.js"
import { claims } from "./claims.js"
import type { Mutant } from "./mutant.js"
import { operate } from "./operate.js"
import { parties } from "./parties.js"
import { request } from "./request.js"
import { shares } from "./shares.js"
import { tenants } from "./tenants.js"
import { watch } from "./watch.js"

export const mutants: ReadonlyArray<Mutant> = [
  ...allocator,
  ...request,
  ...watch,
  ...operate,
  ...shares,
  ...claims,
  ...parties,
  ...tenants
]
