/** How the processes that measure, and those that they start, are told where PostgreSQL is. */
const variable = "CENOTE_BENCHMARK_POSTGRES"

export const url = (): string => process.env[variable] ?? ""

export const setUrl = (url: string): void => {
  process.env[variable] = url
}
