/** When a connection has done its service. */
import type { CloseReason } from "../model/events.js"
import type { Connection, State } from "./state.js"

/** Why a connection cannot be handed out any more, if it cannot. */
export const retirement = (
  { rules }: State,
  connection: Connection,
  uses: number,
  now: number
): CloseReason | undefined =>
  now >= connection.expiresAt ? connection.endsAs : uses >= rules.maxUses ? "MaxUses" : undefined
