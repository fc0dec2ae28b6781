import { dtypeOfCode } from '../../onnx/codes.ts'
import { float } from '../../onnx/graph.ts'
import {
  add,
  cast,
  defineComposite,
  type Emitter,
  ints,
  mul,
  required,
  scalar,
  square,
  type Value,
} from '../core/index.ts'

/**
 * x / sqrt(mean(x^2) + epsilon), the mean over the axes from `axis` on, and 1 / that root (Zhang and Sennrich 2019). A
 * negative axis counts from the back.
 */
export function rootMeanSquareNormalize(
  emit: Emitter,
  x: Value,
  axis: number,
  epsilon: number,
): readonly [normalized: Value, inverse: Value] {
  const first = axis < 0 ? axis + x.dims.length : axis
  const axes = x.dims.flatMap((_, at) => (at >= first ? [at] : []))
  const mean = emit.op('ReduceMean', [square(emit, x), ints(emit, axes)], { keepdims: 1 })
  const inverse = emit.op('Reciprocal', [emit.op('Sqrt', [add(emit, mean, scalar(emit, epsilon, x))])])
  return [mul(emit, x, inverse), inverse]
}

/** Opset 23. Computed in float32 (`stash_type`) and cast back before it is scaled. */
export const RMSNormalization = defineComposite('', 'RMSNormalization', {
  expand: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    const scale = required(context, 1)
    const stash = dtypeOfCode(attributes.int('stash_type', 1)) ?? 'float32'
    // float64 is more than was asked for, and the runtime's kernel keeps it too.
    const wide = x.type === 'float64' ? x : cast(emit, x, stash)
    const axis = attributes.int('axis', -1)
    const [normalized] = rootMeanSquareNormalize(emit, wide, axis, attributes.float('epsilon', 1e-5))
    return [mul(emit, cast(emit, normalized, scale.type), scale)]
  },
  cases: [
    { name: 'last axis', inputs: [{ dims: [2, 3, 4] }, { dims: [4] }] },
    { name: 'from axis 1 on', inputs: [{ dims: [2, 3, 4] }, { dims: [3, 4] }], attributes: { axis: 1 } },
    { name: 'negative axis', inputs: [{ dims: [2, 3, 2] }, { dims: [3, 2] }], attributes: { axis: -2 } },
    { name: 'all axes', inputs: [{ dims: [2, 3] }, { dims: [2, 3] }], attributes: { axis: 0 } },
    { name: 'scale that broadcasts', inputs: [{ dims: [2, 3, 4] }, { dims: [1] }], attributes: { axis: -1 } },
    { name: 'epsilon', inputs: [{ dims: [2, 4] }, { dims: [4] }], attributes: { epsilon: float(0.1) } },
    {
      name: 'float64',
      inputs: [
        { dims: [2, 4], type: 'float64' },
        { dims: [4], type: 'float64' },
      ],
    },
  ],
})
