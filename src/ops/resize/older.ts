import { floats } from '../../onnx/graph.ts'
import { float32 } from '../../tensor/tensor.ts'
import {
  type CompositeCase,
  type CompositeContext,
  defineComposite,
  refusal,
  required,
  type Value,
} from '../core/index.ts'
import { asymmetricResize } from './resize.ts'

/** An input since opset 9, an attribute in opset 7. */
function scalesOf(context: CompositeContext): Value {
  const [, scales] = context.inputs
  const given = context.attributes.floats('scales')
  if (scales?.constant) return scales
  if (!given) throw refusal(context, 'its scales are computed at run time. Make them a constant.')
  return context.emit.constant(float32([given.length], given))
}

const image = { dims: [1, 2, 3, 4] }
const input = (values: readonly number[]) => ({ dims: [values.length], values, constant: true })

/** Opsets 7 to 9: Resize before it had that name. */
export const Upsample = defineComposite('', 'Upsample', {
  expand: (context) => {
    const { emit } = context
    const mode = context.attributes.string('mode', 'nearest')
    const { inputs, attributes } = asymmetricResize(emit, required(context, 0), scalesOf(context), mode)
    return [emit.op('Resize', inputs, attributes)]
  },
  cases: ['nearest', 'linear'].flatMap((mode): CompositeCase[] => [
    { name: `${mode}, opset 9`, inputs: [image, input([1, 1, 2, 3])], attributes: { mode }, opset: 9 },
    {
      name: `${mode}, parts, opset 9`,
      inputs: [image, input([1, 1, 1.6, 2.3])],
      attributes: { mode },
      opset: 9,
    },
    {
      name: `${mode}, opset 7`,
      inputs: [image],
      attributes: { mode, scales: floats([1, 1, 2, 2]) },
      opset: 7,
    },
  ]),
})

/** Opset 9: ScatterElements before it had that name. */
export const Scatter = defineComposite('', 'Scatter', {
  expand: (context) => {
    const { emit, attributes } = context
    const inputs = [required(context, 0), required(context, 1), required(context, 2)]
    return [emit.op('ScatterElements', inputs, { axis: attributes.int('axis', 0) })]
  },
  cases: [0, 1].map((axis) => ({
    name: `axis ${axis}`,
    inputs: [
      { dims: [3, 3] },
      { dims: [2, 2], type: 'int64' as const, values: [2, 0, 1, 2] },
      { dims: [2, 2] },
    ],
    attributes: { axis },
    opset: 9,
  })),
})
