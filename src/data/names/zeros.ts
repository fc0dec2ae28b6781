import { isNumber, preview } from './class-name.ts'

/**
 * What is to be told of new numbers that look like others, but for zeros in front: `04` beside `4`, or beside `0` to `3`, where the next data
 * will perhaps say `4`. They are two classes.
 *
 * @param own The data's names.
 * @param known The model's.
 * @param found Which of the data's are the model's.
 */
export function zerosApart(
  own: readonly string[],
  known: readonly string[],
  found: ReadonlyMap<number, number>,
  place: string,
): string[] {
  const numbers = known.filter(isNumber)
  const all = [...new Set([...numbers, ...own.filter(isNumber)])]
  const pairs = own.flatMap((name, at) => {
    if (found.has(at) || !isNumber(name)) return []
    const twin = all.find((other) => other !== name && BigInt(other) === BigInt(name))
    const other = twin ?? asWritten(name, numbers)
    return other === name ? [] : [{ name, text: `"${name}" and "${other}"` }]
  })
  if (pairs.length === 0) return []
  const [names, texts] = [pairs.map(({ name }) => name), pairs.map(({ text }) => text)]
  const beside = numbers.length > 0 ? `, where the model knows ${preview(numbers)}` : ''
  return [
    `${place}: new classes are ${preview(names)}${beside}. Names that look alike but for zeros in front are two classes: ${preview(texts)}. Write all in one way.`,
  ]
}

const hasZeros = (name: string): boolean => /^0\d/.test(name)

/** A new number as the model writes its numbers: without zeros in front, or with as many digits as those that have some. */
function asWritten(name: string, numbers: readonly string[]): string {
  if (numbers.length === 0) return name
  const plain = name.replace(/^0+(?=\d)/, '')
  const width = Math.max(0, ...numbers.filter(hasZeros).map(({ length }) => length))
  return plain.padStart(width, '0')
}
