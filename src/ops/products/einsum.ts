import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import {
  defineOp,
  type Emitter,
  eachPosition,
  expand,
  fromNumbers,
  type GradientContext,
  mul,
  required,
  reshape,
  type Value,
} from '../core/index.ts'
import { type Equation, equationOf } from './einsum-equation.ts'
import { contract, operandSquares } from './einsum-squares.ts'

/** 1 on the diagonal of the axes that carry the same letter, 0 off it; undefined where no letter repeats. */
function diagonalMask(emit: Emitter, x: Value, letters: readonly string[]): Value | undefined {
  const repeated = letters.map((letter) => letters.indexOf(letter) !== letters.lastIndexOf(letter))
  if (!repeated.includes(true)) return undefined
  const dims = x.dims.map((dim, axis) => (repeated[axis] ? dim : 1))
  const values = new Array<number>(sizeOf(dims)).fill(0)
  eachPosition(dims, (at, index) => {
    const onDiagonal = letters.every(
      (letter, axis) => !repeated[axis] || at[axis] === at[letters.indexOf(letter)],
    )
    values[index] = Number(onDiagonal)
  })
  return emit.constant(fromNumbers(x.type, dims, values))
}

/**
 * The gradient of operand k: dY contracted with all other operands, to the letters of k. Letters that k alone has were
 * summed away: every element along them gets the same. Of letters that k has twice, only the diagonal was read.
 */
function operandGradient(context: GradientContext, equation: Equation, dy: Value, k: number): Value {
  const { emit } = context
  const x = required(context, k)
  const letters = itemAt(equation.operands, k, 'operand')
  const others = context.inputs.flatMap((value, index) =>
    value && index !== k ? [{ value, letters: itemAt(equation.operands, index, 'operand') }] : [],
  )
  const available = new Set([...equation.output, ...others.flatMap((term) => term.letters)])
  const isFirst = letters.map((letter, axis) => letters.indexOf(letter) === axis)
  // A size of 1 that was broadcast is summed here; it comes back as 1.
  const kept = letters.map(
    (letter, axis) =>
      isFirst[axis] === true && available.has(letter) && x.dims[axis] === equation.sizes.get(letter),
  )
  const output = letters.filter((_, axis) => kept[axis])
  const summed = contract(emit, [{ value: dy, letters: equation.output }, ...others], output)
  let next = 0
  const dims = letters.map((_, axis) => (kept[axis] ? (summed.dims[next++] ?? 1) : 1))
  const shaped = reshape(emit, summed, dims)
  const mask = diagonalMask(emit, x, letters)
  return expand(emit, mask ? mul(emit, shaped, mask) : shaped, x.dims)
}

const einsum = (equation: string, ...dims: readonly (readonly number[])[]) => ({
  name: equation,
  inputs: dims.map((given) => ({ dims: given })),
  attributes: { equation },
})

/** A sum of products over named axes, as the equation says. ONNX Runtime takes ellipses of one rank only. */
export const Einsum = defineOp('Einsum', {
  shape: (context) => {
    const { output, sizes } = equationOf(context)
    return [{ type: required(context, 0).type, dims: output.map((letter) => sizes.get(letter) ?? 1) }]
  },
  gradient: (context) => {
    const [dy] = context.gradients
    if (!dy) return []
    const equation = equationOf(context)
    return context.inputs.map((_, k) =>
      context.needs[k] ? operandGradient(context, equation, dy, k) : undefined,
    )
  },
  squares: operandSquares,
  rows: (context) => {
    const { operands, output } = equationOf({ op: 'Einsum', name: '', ...context })
    const [n] = output
    return (
      n !== undefined &&
      operands.every((letters, index) => {
        if (!context.carries[index]) return !letters.includes(n)
        return letters[0] === n && letters.lastIndexOf(n) === 0
      })
    )
  },
  cases: [
    einsum('ij,jk->ik', [2, 3], [3, 4]),
    einsum('ij,jk', [2, 3], [3, 4]),
    einsum('bij,bjk->bik', [2, 3, 2], [2, 2, 3]),
    einsum('bhid,bhjd->bhij', [2, 2, 3, 2], [2, 2, 4, 2]),
    einsum('bij,bkj->ibk', [2, 3, 4], [2, 2, 4]),
    einsum('...ij,...jk->...ik', [2, 3, 2], [2, 2, 3]),
    einsum('...ij,jk->...ik', [2, 2, 3, 2], [2, 3]),
    einsum('i...,i...->...', [3, 2], [3, 2]),
    einsum('i,j->ij', [2], [3]),
    einsum('i,i->', [3], [3]),
    einsum('ij->ji', [2, 3]),
    einsum('ij->i', [2, 3]),
    einsum('ij->', [2, 3]),
    einsum('ba', [2, 3]),
    einsum('ij,kl->il', [2, 3], [2, 2]),
    einsum('ij,ij->ij', [2, 3], [2, 3]),
    einsum('ii->i', [3, 3]),
    einsum('ii', [3, 3]),
    einsum('ij,jk,kl->il', [2, 3], [3, 2], [2, 2]),
    einsum('aBc, c -> aB', [2, 3, 2], [2]),
    einsum('...,...->...', [2, 3], [1, 3]),
    einsum('...i,...i->...', [2, 1, 3], [1, 4, 3]),
    einsum('...ij->...ji', [2, 3, 2]),
    einsum('...ii->...i', [2, 3, 3]),
    einsum('i...->...', [2, 3]),
    einsum('bij,jk', [2, 2, 3], [3, 2]),
    einsum('i,i,i->i', [3], [3], [3]),
    einsum('ab,bc,cd,de->ae', [2, 2], [2, 3], [3, 2], [2, 2]),
    einsum('ij,j->', [2, 3], [3]),
    einsum('bn,anm,bm->ba', [2, 3], [2, 3, 2], [2, 2]),
    einsum('iij->j', [2, 2, 3]),
    {
      name: 'float64',
      inputs: [
        { dims: [2, 3], type: 'float64' },
        { dims: [3, 2], type: 'float64' },
      ],
      attributes: { equation: 'ij,jk->ik' },
    },
    {
      name: 'squares of a matrix',
      inputs: [{ dims: [4, 3] }, { dims: [3, 2], parameter: true }],
      attributes: { equation: 'ni,io->no' },
    },
    {
      name: 'squares over positions',
      inputs: [{ dims: [4, 2, 3] }, { dims: [3, 2, 2], parameter: true }],
      attributes: { equation: 'nti,ihd->nthd' },
    },
    {
      name: 'squares of the first operand',
      inputs: [{ dims: [2, 3], parameter: true }, { dims: [4, 3] }],
      attributes: { equation: 'oi,ni->no' },
    },
  ],
})
