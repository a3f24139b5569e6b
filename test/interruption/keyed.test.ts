/** What happens to a caller of a keyed pool at each operation of its fiber, and of all fibers that work for it. */
import { keyed } from "./keyed.js"
import { sweeps } from "./sweeps.js"

sweeps(keyed)
