// A worker: finds the largest prime below a number, slowly on purpose, and answers whether it is there.
import { parentPort } from "node:worker_threads"

const isPrime = (number) => {
  if (number < 2) return false
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}

const answer = ({ below, task }) => {
  if (task === "ping") return "pong"
  if (below < 3) throw new RangeError(`There is no prime below ${below}`)
  let candidate = below - 1
  while (!isPrime(candidate)) candidate--
  return candidate
}

parentPort.on("message", (request) => {
  try {
    parentPort.postMessage({ value: answer(request) })
  } catch (error) {
    parentPort.postMessage({ error: error.message })
  }
})
