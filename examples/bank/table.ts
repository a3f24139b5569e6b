/** A table of names and values, in groups. */
import Table from "cli-table3"

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

export const count = (value: number): string => number.format(value)
export const millis = (value: number): string => `${number.format(value)} ms`

/** Aligned: what it is on the left, how much on the right. */
export const make = (groups: Record<string, Record<string, string>>): string => {
  const table = new Table({
    colAligns: ["left", "right"],
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" }
  })
  for (const [title, values] of Object.entries(groups)) {
    table.push([title, ""], ...Object.entries(values).map(([name, value]) => [`  ${name}`, value]))
  }
  return table.toString()
}
