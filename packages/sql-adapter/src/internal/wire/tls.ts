import { NodeInspectSymbol } from "effect/Inspectable"
import * as net from "node:net"
import type { ConnectionOptions } from "node:tls"

/**
 * Has the certificate checked against the name of the host as it was given: also where the socket is opened by address, as for
 * a cancel, and where that name is an address, which pg before 8.23 did not check at all.
 *
 * A copy: pg makes `key` non-enumerable in what it is given, so that it is not printed.
 */
export const tlsFor = (host: string, ssl: boolean | ConnectionOptions): boolean | ConnectionOptions => {
  if (ssl === false) return false
  const named = net.isIP(host) === 0 ? { host, servername: host } : { host }
  if (ssl === true) return named
  return { ...named, ...ssl, ...(ssl.key === undefined ? {} : { key: ssl.key }) }
}

/** The same for whoever uses it, and without its secrets for whoever prints it. */
export const discreet = (ssl: boolean | ConnectionOptions): boolean | ConnectionOptions => {
  if (typeof ssl === "boolean") return ssl
  const { key: _, passphrase: __, pfx: ___, ...shown } = ssl
  const show = { value: () => shown }
  return Object.defineProperties({ ...ssl }, { toJSON: show, [NodeInspectSymbol]: show })
}
