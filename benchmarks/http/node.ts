/** The HTTP side of the bank in node:http, for servers that have no Effect in them. */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { isWithin, noAccount, noTransfer, Refusal, transferOf } from "./bank.js"
import { listenOptions } from "./listen.js"
import type { PromiseBank } from "./promises.js"

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let text = ""
  request.setEncoding("utf8")
  for await (const chunk of request) text += chunk
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const answer = (response: ServerResponse, status: number, value: unknown): void => {
  const body = JSON.stringify(value)
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
  response.end(body)
}

const answerOr = (response: ServerResponse, status: number, value: unknown): void =>
  value instanceof Refusal ? answer(response, value.status, { error: value.error }) : answer(response, status, value)

const accountPath = /^\/accounts\/([^/?]+)$/

const handle = async (bank: PromiseBank, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { method, url = "" } = request
  if (method === "POST" && url === "/transfers") {
    const transfer = transferOf(await bodyOf(request))
    return answerOr(response, 201, transfer === undefined ? noTransfer : await bank.transfer(transfer))
  }
  const id = method === "GET" ? accountPath.exec(url)?.[1] : undefined
  if (id !== undefined) {
    return answerOr(response, 200, isWithin(Number(id)) ? await bank.account(Number(id)) : noAccount)
  }
  response.writeHead(404).end()
}

/** Listens until it is closed. */
export const serve = (bank: PromiseBank): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      handle(bank, request, response).catch((error: unknown) => {
        console.error(error)
        answer(response, 500, { error: "The bank is broken." })
      })
    })
    server.once("error", reject)
    server.listen(listenOptions, () => resolve(server))
  })

export const portOf = (server: Server): number => (server.address() as AddressInfo).port
