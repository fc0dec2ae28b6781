import {
  defineOp,
  div,
  ints,
  mul,
  positiveAxis,
  required,
  type ShapeContext,
  scalar,
  sub,
  type Value,
} from '../core/index.ts'

/** The axes that are normalised over, for MeanVarianceNormalization. */
const meanAxes = (context: Omit<ShapeContext, 'outputs'>): number[] =>
  (context.attributes.ints('axes') ?? [0, 2, 3]).map((axis) =>
    positiveAxis({ ...context, outputs: 1 }, axis, required(context, 0).dims.length),
  )

/** What ONNX Runtime adds to the deviation. */
const MEAN_VARIANCE_EPSILON = 1e-9

/**
 * y = (x - mean) / deviation over `axes`: dx = (dy - mean(dy) - y mean(dy y)) / deviation.
 */
export const MeanVarianceNormalization = defineOp('MeanVarianceNormalization', {
  shape: (context) => {
    meanAxes(context)
    const { type, dims } = required(context, 0)
    return [{ type, dims }]
  },
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [y] = context.outputs
    const [dy] = context.gradients
    if (!dy || !y) return []
    const mean = (of: Value) => emit.op('ReduceMean', [of, ints(emit, meanAxes(context))], { keepdims: 1 })
    const centred = sub(emit, x, mean(x))
    const deviation = emit.op('Sqrt', [mean(mul(emit, centred, centred))])
    const bounded = emit.op('Add', [deviation, scalar(emit, MEAN_VARIANCE_EPSILON, x)])
    const inner = sub(emit, sub(emit, dy, mul(emit, y, mean(mul(emit, dy, y)))), mean(dy))
    return [div(emit, inner, bounded)]
  },
  rows: (context) =>
    context.carries[0] === true &&
    !meanAxes({ op: 'MeanVarianceNormalization', name: '', ...context }).includes(0),
  cases: [
    { name: 'default', inputs: [{ dims: [2, 3, 2, 2] }] },
    { name: 'per sample', inputs: [{ dims: [2, 3, 2, 2] }], attributes: { axes: [1, 2, 3] } },
    { name: 'last axis', inputs: [{ dims: [3, 5] }], attributes: { axes: [-1] } },
    { name: 'axes out of order', inputs: [{ dims: [2, 3, 4] }], attributes: { axes: [2, 0] } },
    { name: 'opset 9', inputs: [{ dims: [2, 3, 2, 2] }], opset: 9 },
  ],
})
