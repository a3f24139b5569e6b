/** Who answers requests. Each is a process of its own, which `http/servers/` has the sources of. */
import { servers } from "../http/servers/index.js"
import type { ServerContender } from "../model.js"
import { canAll } from "../model.js"

export const contenders = Object.keys(servers).map((name): ServerContender => ({
  _tag: "Server",
  name,
  role: "Http",
  can: canAll
}))
