import { standardOpset } from '../../autodiff/opsets.ts'
import { ModelError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import { nodeLabel } from '../../ops/core/index.ts'
import { type Above, aboveOf } from './above.ts'
import type { Place } from './cut.ts'
import { activationsName, isPlain, rowDimsOf, unpacked } from './entry.ts'
import { sizesOf } from './sizes.ts'
import { standIns } from './stand-ins.ts'

/**
 * The part of a model above a cut as a model of its own: it reads activations where the model reads inputs, and answers
 * the same. Parameters and buffers have their names in the whole model, so what trains it gives values for that. It is
 * made for data of the dims that the cut was found for; the head may have been widened since.
 *
 * Input: float32 [N, ...] with the dims of the cut's value; [N, floats] where it has several, one after the other.
 *
 * @throws ModelError `cut-past` where the logits also depend on the input past the cut's values.
 * @example
 * const [cut] = cutsOf(model, [3, 32, 32])
 * const above = modelAbove(model, cut)
 * const activations = await activationsAt(engine, model, cut, dataset)
 */
export function modelAbove(model: Model, cut: Place): Model {
  const above = aboveOf(model.graph, model.output, new Set(cut.values))
  const names = fromElsewhere(above)
  const sizes = cut.rowDims && names.length > 0 ? sizesOf(model, cut.rowDims, names) : undefined
  const { graph } = model
  const input = inputOf(model, cut)
  const [batch] = model.input.dims ?? []
  const stands = standIns(above, sizes, {
    input: input.name,
    batch: typeof batch === 'number' ? batch : undefined,
  })
  if (!stands) throw past(model, cut, above)
  const entry = unpacked(cut, input.name, standardOpset(model.opsets))
  const kept = <T>(values: ReadonlyMap<string, T>) =>
    new Map([...values].filter(([name]) => above.read.has(name)))
  const computed = above.nodes.filter((node) => !above.dims.includes(node))
  return {
    ...model,
    graph: {
      name: `${graph.name}-above`,
      inputs: [input],
      outputs: [graph.outputs.find(({ name }) => name === model.output) ?? unknownOutput(model)],
      initializers: new Map([...kept(graph.initializers), ...entry.constants, ...stands.constants]),
      nodes: [...entry.nodes, ...stands.nodes, ...computed],
    },
    parameters: kept(model.parameters),
    buffers: kept(model.buffers),
    input,
  }
}

/** What is read above of the input, or of the dims of what is below. */
export const fromElsewhere = ({ dims, inputs }: Above): readonly string[] => [
  ...dims.flatMap(({ outputs }) => outputs),
  ...inputs,
]

const unknownOutput = ({ output }: Model): ValueInfo => ({ name: output, type: 'float32', dims: undefined })

/** A batch that the file fixes holds above the cut, too. */
function inputOf(model: Model, cut: Place): ValueInfo {
  const [first] = model.input.dims ?? []
  const batch = typeof first === 'number' ? first : 'batch'
  const name = activationsName(cut)
  if (!isPlain(cut)) return { name, type: 'float32', dims: [batch, ...rowDimsOf(cut)] }
  const [dims] = cut.dims
  // Of the other axes nothing may be known, not even how many there are.
  const known = dims ? [batch, ...dims] : typeof first === 'number' ? [first, ''] : undefined
  return { name, type: 'float32', dims: known }
}

function past({ graph, output }: Model, { values }: Place, { nodes, dims, inputs }: Above): ModelError {
  const reader = nodes.find(
    (node) => dims.includes(node) || node.inputs.some((name) => inputs.includes(name)),
  )
  return new ModelError(
    'cut-past',
    `The model "${graph.name}" cannot be taken apart at "${values.join('", "')}": ${reader ? nodeLabel(reader) : 'a node'}, between there and the logits "${output}", reads the model's input, too.`,
  )
}
