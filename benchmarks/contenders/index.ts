/** Everybody who is compared. A new contender is a file here and a line below. */
import type { Contender } from "../model.js"
import * as Cenote from "./cenote.js"
import * as Controls from "./controls.js"
import * as Effects from "./effect.js"
import * as GenericPool from "./generic-pool.js"
import * as Http from "./http.js"
import * as Keyed from "./keyed.js"
import * as LightningPool from "./lightning-pool.js"
import * as Parts from "./parts.js"
import * as PgPool from "./pg-pool.js"
import * as SequelizePool from "./sequelize-pool.js"
import * as Sql from "./sql.js"
import * as Stm from "./stm.js"
import * as Tarn from "./tarn.js"
import * as Together from "./together.js"

export const contenders: ReadonlyArray<Contender> = [
  ...Controls.contenders,
  ...Parts.contenders,
  ...Cenote.contenders,
  ...Effects.contenders,
  ...GenericPool.contenders,
  ...Tarn.contenders,
  ...PgPool.contenders,
  ...LightningPool.contenders,
  ...SequelizePool.contenders,
  ...Sql.contenders,
  ...Stm.contenders,
  ...Together.contenders,
  ...Keyed.contenders,
  ...Http.contenders
]
