/** What a socket's or TLS's error says, of whichever database. */
export interface Finding<Reason extends string> {
  readonly reason: Reason
  /** What to check. */
  readonly remedy?: string
}

export type NetworkReason = "UnknownHost" | "Refused" | "Unreachable" | "Timeout" | "Disconnected" | "Tls"

const tlsCode =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/

export const certificates = "Check ssl: its ca, its servername, and the server's certificate."

export const codeOf = (error: Error): string | undefined =>
  "code" in error && typeof error.code === "string" ? error.code : undefined

export const networkFinding = (error: Error): Finding<NetworkReason> | undefined => {
  const code = codeOf(error)
  switch (code) {
    case undefined:
      return undefined
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_FAIL":
    case "EAI_NODATA":
      return { reason: "UnknownHost", remedy: "Check the host's name and the name service." }
    case "ECONNREFUSED":
    case "ENOENT":
      return { reason: "Refused", remedy: "Check that the server runs, and that host and port are right." }
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
    case "EADDRNOTAVAIL":
      return { reason: "Unreachable", remedy: "Check the network and the host's address." }
    case "ETIMEDOUT":
      return { reason: "Timeout", remedy: "Check the host's address, firewalls, and whether the server is overloaded." }
    case "ECONNRESET":
    case "EPIPE":
      return { reason: "Disconnected", remedy: "Look into the server's log." }
  }
  return tlsCode.test(code)
    ? { reason: "Tls", remedy: certificates }
    : undefined
}

export const asError = (u: unknown): Error => u instanceof Error ? u : new Error(String(u))

export const sentence = (text: string): string => /[.!?]$/.test(text) ? text : `${text}.`

/** `localhost` has two addresses: Node's error for both has its text inside. */
export const whatHappened = (error: Error): string =>
  error instanceof AggregateError && error.message === ""
    ? error.errors.map((inner) => asError(inner).message).join(", ")
    : error.message
