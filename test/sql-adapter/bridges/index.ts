/** What is written for @effect/sql, on a client over a Cenote pool. Each adapter runs all of it. */
import type { Vitest } from "@effect/vitest"
import { clusterMessages } from "./cluster-messages.js"
import { cluster } from "./cluster.js"
import { drizzle } from "./drizzle.js"
import { kysely } from "./kysely.js"
import { migrations } from "./migrator.js"
import { models } from "./model.js"
import { queues } from "./persisted-queue.js"
import { resolvers } from "./resolver.js"
import { schemas } from "./schema.js"
import type { Subject } from "./subject.js"
import { testOf } from "./subject.js"

export const bridges = <P, R>(it: Vitest.MethodsNonLive<R, boolean>, subject: Subject<P, R>): void => {
  const test = testOf(it, subject)
  migrations(test, subject)
  models(test, subject)
  schemas(test)
  resolvers(test, subject)
  queues(test, subject)
  kysely(test, subject)
  drizzle(test, subject)
  clusterMessages(test)
  cluster(test, subject)
}
