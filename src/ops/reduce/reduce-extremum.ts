import { defineOp, div, indicator, mul, type OpDefinition, reduceSum, required } from '../core/index.ts'
import {
  axesFromAttribute,
  foldIntegers,
  integerCases,
  reduceCases,
  reducedAxes,
  reduceShape,
  rowsKept,
  unreduced,
} from './reduce.ts'

/** The gradient goes to the elements that equal the extremum; ties share it evenly. */
const extremumGradient: NonNullable<OpDefinition['gradient']> = (context) => {
  const { emit } = context
  const [dy] = context.gradients
  const [y] = context.outputs
  const x = required(context, 0)
  if (!dy || !y) return []
  const winners = indicator(emit, emit.op('Equal', [x, unreduced(context, y)]), dy)
  const count = reduceSum(emit, winners, reducedAxes(context), true)
  return [mul(emit, winners, div(emit, unreduced(context, dy), count))]
}

const extremum = (apply: (a: number, b: number) => number): Omit<OpDefinition, 'op'> => ({
  shape: reduceShape,
  gradient: extremumGradient,
  rows: rowsKept,
  fold: foldIntegers(apply),
  upgrade: axesFromAttribute,
  cases: [...reduceCases(true, [-2, 2]), ...integerCases],
})

export const ReduceMax = defineOp('ReduceMax', extremum(Math.max))

export const ReduceMin = defineOp('ReduceMin', extremum(Math.min))
