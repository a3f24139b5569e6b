/** Where the repository is: seen from the sources, and from what they are compiled to. */
import { fileURLToPath, pathToFileURL } from "node:url"

const folder = fileURLToPath(new URL(".", import.meta.url))

export const root = pathToFileURL(folder.replace(/benchmarks[/\\](dist[/\\])?$/, ""))
