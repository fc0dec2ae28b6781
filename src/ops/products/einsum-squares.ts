import { itemAt } from '../../required.ts'
import {
  type Emitter,
  finished,
  reduceSum,
  type SquaresContext,
  type SquareTerm,
  square,
  type Value,
} from '../core/index.ts'
import { equationOf, formatEquation } from './einsum-equation.ts'

interface Term {
  readonly value: Value
  readonly letters: readonly string[]
}

export const contract = (emit: Emitter, terms: readonly Term[], output: readonly string[]): Value =>
  emit.op(
    'Einsum',
    terms.map(({ value }) => value),
    {
      equation: formatEquation(
        terms.map(({ letters }) => letters),
        output,
      ),
    },
  )

/**
 * Squares of an operand without the samples' letter n, the other operand and the output having it in front: per sample
 * G_n = contraction of dY_n and X_n. Where nothing but n is summed, sum_n G_n^2 is the contraction of dY^2 and X^2.
 */
export function operandSquares(context: SquaresContext): (SquareTerm | undefined)[] {
  const { emit, needs, carries, samples } = context
  const [dy] = context.gradients
  if (!dy || context.inputs.length !== 2) return []
  const equation = equationOf(context)
  return [0, 1].map((k) => {
    const other = 1 - k
    const x = context.inputs[other]
    const letters = itemAt(equation.operands, k, 'operand')
    const theirs = itemAt(equation.operands, other, 'operand')
    const [n] = equation.output
    const plain = new Set(letters).size === letters.length && new Set(theirs).size === theirs.length
    const given = letters.every((letter) => equation.output.includes(letter) || theirs.includes(letter))
    const perSample =
      n !== undefined && theirs[0] === n && !letters.includes(n) && equation.sizes.get(n) === samples
    const full = [...letters, ...theirs].every(
      (letter, at) =>
        (at < letters.length ? context.inputs[k]?.dims[at] : x?.dims[at - letters.length]) ===
        equation.sizes.get(letter),
    )
    if (!x || !needs[k] || !carries[other] || !plain || !given || !perSample || !full) return undefined
    const summed = new Set([...equation.output, ...theirs].filter((letter) => !letters.includes(letter)))
    if (summed.size === 1) {
      const x2 = square(emit, x)
      return {
        accumulate: square(emit, dy),
        finish: (to: Emitter, sum: Value) =>
          contract(
            to,
            [
              { value: sum, letters: equation.output },
              { value: x2, letters: theirs },
            ],
            letters,
          ),
      }
    }
    const terms = [
      { value: dy, letters: equation.output },
      { value: x, letters: theirs },
    ]
    return finished(reduceSum(emit, square(emit, contract(emit, terms, [n, ...letters])), [0]))
  })
}
