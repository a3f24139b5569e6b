/** What is measured of each feature. */
import type { Feature } from "./feature.js"
import { openings } from "./openings.js"
import { sessions } from "./sessions.js"
import { statements } from "./statements.js"

export const features: Record<string, Feature> = { ...statements, ...sessions, ...openings }
