import type { GraphBuilder, Step } from '../../autodiff/builder.ts'
import { attributeReader, reshape, type Value } from '../../ops/core/index.ts'

/** What logits are a product of. */
export interface LinearHead {
  /** [..., width] */
  readonly features: Value
  /** [classes, width] where it lies 'out-in', else [width, classes]. */
  readonly weight: Value
  readonly layout: 'out-in' | 'in-out'
  /** [..., classes] */
  readonly logits: Value
}

/**
 * The head that these logits come from, where that is a matrix without bias: its weight, transposed perhaps, as an
 * embedding's table that is the head, too. Rows cut or picked out of logits, or
 * laid out otherwise, are the head on rows of the features.
 */
export function linearHead(builder: GraphBuilder, logits: Value): LinearHead | undefined {
  const step = producer(builder, logits)
  const [first, second, ...bounds] = step?.inputs ?? []
  if (!step || !first || !second || logits.type !== 'float32') return undefined
  if (step.definition.op === 'Slice') {
    const head = cutsRows(step) ? linearHead(builder, first) : undefined
    return head && { ...head, logits, features: builder.op('Slice', [head.features, second, ...bounds]) }
  }
  if (step.definition.op === 'Reshape') {
    const kept = first.dims.at(-1) === logits.dims.at(-1)
    const head = kept ? linearHead(builder, first) : undefined
    const width = head?.features.dims.at(-1) ?? 1
    return (
      head && {
        ...head,
        logits,
        features: reshape(builder, head.features, [...logits.dims.slice(0, -1), width]),
      }
    )
  }
  if (step.definition.op === 'Gather') {
    const axis = attributeReader(step.attributes, step.name).int('axis', 0)
    const head = axis === 0 && first.dims.length > 1 ? linearHead(builder, first) : undefined
    return head && { ...head, logits, features: builder.op('Gather', [head.features, second], { axis }) }
  }
  if (step.definition.op !== 'MatMul' || second.dims.length !== 2 || first.dims.length < 2) return undefined
  const table = producer(builder, second)
  const turned = table?.definition.op === 'Transpose' ? table.inputs[0] : undefined
  return turned
    ? { features: first, weight: turned, layout: 'out-in', logits }
    : { features: first, weight: second, layout: 'in-out', logits }
}

const producer = (builder: GraphBuilder, { name }: Value): Step | undefined =>
  builder.tape.findLast(({ outputs }) => outputs.some((output) => output.name === name))

/** Whether a Slice goes along the first axis alone. */
function cutsRows({ inputs, attributes, name }: Step): boolean {
  const axes = inputs[3]?.constant?.data ?? attributeReader(attributes, name).ints('axes')
  return axes !== undefined && axes.length === 1 && Number(axes[0]) === 0
}
