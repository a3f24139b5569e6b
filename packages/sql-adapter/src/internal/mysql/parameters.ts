import { Buffer } from "node:buffer"

const refuse = (place: string, what: string): never => {
  throw new TypeError(`Parameter ${place} cannot be sent: it is ${what}. The connection is as it was.`)
}

const isRaw = (value: object): boolean => "toSqlString" in value && typeof value.toSqlString === "function"

const scalar = (value: unknown, place: string): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return value
    case "number":
      return Number.isFinite(value) ? value : refuse(place, `the number ${value}`)
    case "object":
      if (value === null) return value
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? refuse(place, "an invalid Date") : value
      if (Buffer.isBuffer(value)) return value
      if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      return refuse(
        place,
        Array.isArray(value)
          ? "a list: prepared statements take none"
          : "an object: pass its JSON, or one of its fields"
      )
    default:
      return refuse(place, `of type ${typeof value}`)
  }
}

const inText = (value: unknown, place: string): unknown => {
  if (value === undefined) return null
  if (Array.isArray(value)) return value.map((item, index) => inText(item, `${place}[${index}]`))
  if (typeof value === "object" && value !== null && isRaw(value)) return value
  return scalar(value, place)
}

/**
 * The parameters as mysql2 sends them without surprise. It would send an object as "[object Object]", or, after SET, as
 * assignments of whatever columns it has; an invalid Date as NULL; a function as its source text.
 */
export const encode = (params: ReadonlyArray<unknown>, how: "text" | "prepared"): Array<unknown> =>
  params.map((value, index) => how === "text" ? inText(value, String(index + 1)) : scalar(value, String(index + 1)))
