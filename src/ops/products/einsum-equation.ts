import { itemAt } from '../../required.ts'
import { required, type ShapeContext, shapeError } from '../core/index.ts'

/** An equation with every axis named by one letter: ellipses are written out with letters that it does not use. */
export interface Equation {
  /** The letters of each operand. */
  readonly operands: readonly (readonly string[])[]
  readonly output: readonly string[]
  readonly sizes: ReadonlyMap<string, number>
}

const ELLIPSIS = '...'
const alphabet = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')

/** Letters that do not occur in `used`. */
export const freshLetters = (used: Iterable<string>): string[] => {
  const taken = new Set(used)
  return alphabet.filter((letter) => !taken.has(letter))
}

/** The letters of a term, its ellipsis replaced by the last of `broadcast` that it has axes for. */
function lettersOf(term: string, broadcast: readonly string[], rank: number | undefined): string[] {
  const [head = '', tail] = term.split(ELLIPSIS)
  if (tail === undefined) return Array.from(head)
  const count = rank === undefined ? broadcast.length : rank - head.length - tail.length
  return [...head, ...broadcast.slice(broadcast.length - count), ...tail]
}

/**
 * Reads the equation of an Einsum node against the dims of its inputs.
 *
 * @throws ModelError `shape-mismatch` when terms and inputs do not fit.
 */
export function equationOf(context: Omit<ShapeContext, 'outputs'>): Equation {
  const full: ShapeContext = { ...context, outputs: 1 }
  const equation = context.attributes.string('equation', '').replace(/\s/g, '')
  const [left = '', right] = equation.split('->')
  const terms = left.split(',')
  const inputs = context.inputs.map((_, index) => required(full, index))
  if (terms.length !== inputs.length)
    throw shapeError(full, `equation "${equation}" has ${terms.length} terms for ${inputs.length} inputs.`)
  const spans = terms.map((term, index) => {
    const named = term.replace(ELLIPSIS, '').length
    return term.includes(ELLIPSIS) ? itemAt(inputs, index, 'input').dims.length - named : 0
  })
  if (spans.some((span) => span < 0))
    throw shapeError(full, `equation "${equation}" names more axes than there are.`)
  const broadcast = freshLetters(equation).slice(0, Math.max(...spans))
  const operands = terms.map((term, index) => lettersOf(term, broadcast, inputs[index]?.dims.length))
  const sizes = new Map<string, number>()
  operands.forEach((letters, index) => {
    const { dims } = itemAt(inputs, index, 'input')
    if (letters.length !== dims.length)
      throw shapeError(
        full,
        `term "${terms[index]}" of "${equation}" does not name the axes of input ${index}.`,
      )
    letters.forEach((letter, axis) => {
      const known = sizes.get(letter) ?? 1
      const dim = dims[axis] ?? 1
      if (known !== 1 && dim !== 1 && known !== dim)
        throw shapeError(full, `"${letter}" of "${equation}" has sizes ${known} and ${dim}.`)
      sizes.set(letter, known === 1 ? dim : known)
    })
  })
  const output =
    right === undefined ? implicitOutput(left, operands, broadcast) : lettersOf(right, broadcast, undefined)
  const unknown = output.find((letter) => !sizes.has(letter))
  if (unknown !== undefined)
    throw shapeError(full, `"${unknown}" of the output is in no input of "${equation}".`)
  return { operands, output, sizes }
}

/** Without an arrow: the ellipsis, then the letters that come once, in the alphabet's order (capitals first). */
function implicitOutput(
  left: string,
  operands: readonly (readonly string[])[],
  broadcast: readonly string[],
): string[] {
  const all = operands.flat()
  const once = [...new Set(left.replace(/[.,]/g, ''))].filter(
    (letter) => all.filter((other) => other === letter).length === 1,
  )
  return [...broadcast, ...once.sort()]
}

/** The equation's text. */
export const formatEquation = (operands: readonly (readonly string[])[], output: readonly string[]): string =>
  `${operands.map((letters) => letters.join('')).join()}->${output.join('')}`
