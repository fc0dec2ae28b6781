import { UnsupportedOpError, UsageError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  attributeReader,
  cast,
  defineOp,
  type Emitter,
  mul,
  nodeLabel,
  required,
  type ShapeContext,
  scalar,
  scale,
  type Value,
} from '../core/index.ts'
import { counterBits, lastRoundedTo } from './random.ts'

/**
 * x mask / (1 - ratio), where each element of the mask is 0 with probability `ratio` (to 2^-24), else 1: inverted
 * dropout (Srivastava et al., https://jmlr.org/papers/v15/srivastava14a.html), the same for the same seed, salt and dims.
 *
 * @param ratio share of elements set to zero, in [0, 1); with 0, `x` itself comes back
 * @param seed one int64, another at every step
 * @param salt tells this dropout from others with the same seed
 * @throws UsageError `dropout-ratio`, `salt`, `seed-value`
 * @example
 * const dropped = dropout(builder, hidden, 0.1, seed, 3)
 */
export function dropout(emit: Emitter, x: Value, ratio: number, seed: Value, salt: number): Value {
  if (!(ratio >= 0 && ratio < 1)) {
    throw new UsageError('dropout-ratio', `A dropout ratio lies in [0, 1), but it is ${ratio}.`)
  }
  if (ratio === 0) return x
  const bits = counterBits(emit, seed, salt, x.dims)
  const threshold = Math.round(ratio * 2 ** 24) * 256
  const kept = emit.flat ? aboveAsRounded(emit, bits, threshold) : above(emit, bits, threshold)
  return mul(emit, x, cast(emit, scale(emit, kept, 1 / (1 - ratio)), x.type))
}

/**
 * min(max(bits - threshold, 0), 1), bits rounded to float32: a multiple of 256 is exact in float32, and so is the difference near it.
 * Measured against Less, Cast, Mul and against Where on [64,64,32,32]: 5.6, 6.6 and 9.3 ms.
 */
const above = (emit: Emitter, bits: Value, threshold: number): Value =>
  emit.op('HardSigmoid', [cast(emit, bits, 'float32')], { alpha: float(1), beta: float(-threshold) })

/** The same on a device, which may round otherwise. */
const aboveAsRounded = (emit: Emitter, bits: Value, threshold: number): Value => {
  const bound: Tensor = { type: 'uint32', dims: [], data: Uint32Array.of(lastRoundedTo(threshold)) }
  return cast(emit, emit.op('Greater', [bits, emit.constant(bound)]), 'float32')
}

/** Whether the node is known to drop nothing: training mode is off, or the ratio is 0. */
function dropsNothing(context: { readonly inputs: ShapeContext['inputs'] }): boolean {
  const [, ratio, training] = context.inputs
  const isZero = (value: Value) => value.constant !== undefined && Number(value.constant.data[0]) === 0
  return training === undefined || isZero(training) || (ratio !== undefined && isZero(ratio))
}

/**
 * As inference has it: y = x, the mask all true, dx = dy. A node in training mode is not resumable; a step has
 * {@link dropout} in its place.
 */
export const Dropout = defineOp('Dropout', {
  shape: (context) => {
    const x = required(context, 0)
    return [
      { type: x.type, dims: x.dims },
      { type: 'bool', dims: x.dims },
    ]
  },
  gradient: (context) => {
    if (!dropsNothing(context)) {
      throw new UnsupportedOpError(
        'dropout-in-training',
        `${nodeLabel(context)}: no gradient passes a Dropout node in training mode, whose mask could not be drawn again. Give the step's own dropout its ratio, and a training_mode of false to the node.`,
      )
    }
    return [context.gradients[0]]
  },
  rows: ({ carries }) => carries[0] === true,
  fold: ([x], context) => (x && context.outputs === 1 && dropsNothing(context) ? [x] : undefined),
  impure: true,
  upgrade: ({ attributes, inputs, opset, emit }) => {
    const [x] = inputs
    if (opset >= 12 || !x) return { inputs, attributes }
    // Before opset 12 the ratio was an attribute (default 0.5), and nodes of a model for inference drop nothing.
    const { ratio: _, seed, is_test: __, consumed_inputs: ___, ...rest } = attributes
    const ratio = scalar(emit, attributeReader(attributes, 'Dropout').float('ratio', 0.5), x)
    return { inputs: [x, ratio], attributes: seed === undefined ? rest : { ...rest, seed } }
  },
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3] }] },
    { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64' }] },
    { name: 'scalar', inputs: [{ dims: [] }], outputs: 2 },
    { name: 'empty', inputs: [{ dims: [0, 2] }], outputs: 2 },
    { name: 'with mask', inputs: [{ dims: [2, 3] }], outputs: 2 },
    { name: 'ratio', inputs: [{ dims: [4, 3] }, { dims: [], values: [0.3], constant: true }], outputs: 2 },
    {
      name: 'training mode false',
      inputs: [
        { dims: [4, 3] },
        { dims: [], values: [0.3], constant: true },
        { dims: [], type: 'bool', values: [0] },
      ],
      attributes: { seed: 7 },
      outputs: 2,
    },
    {
      name: 'ratio 0 in training mode',
      inputs: [
        { dims: [4, 3] },
        { dims: [], values: [0], constant: true },
        { dims: [], type: 'bool', values: [1] },
      ],
    },
    {
      name: 'ratio as attribute',
      inputs: [{ dims: [4, 3] }],
      attributes: { ratio: float(0.2) },
      opset: 10,
      outputs: 2,
      // Before opset 12 the specification left the mask of inference open.
      through: [0],
    },
    { name: 'ratio left out', inputs: [{ dims: [4, 3] }], opset: 7 },
    {
      name: 'of opset 6',
      inputs: [{ dims: [4, 3] }],
      attributes: { is_test: 1, ratio: float(0.2) },
      opset: 6,
    },
  ],
})
