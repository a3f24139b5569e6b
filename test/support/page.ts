/** Pages of docs/ that have tables of runs in them. */

/** Puts content between two marks: `<!-- name -->` and `<!-- /name -->`. */
export const between = (name: string, content: string) => (text: string): string =>
  text.replace(
    new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`),
    () => `<!-- ${name} -->\n${content}\n<!-- /${name} -->`
  )
