import type { Model } from '../src/model/model.ts'
import { weightsOf } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Node } from '../src/onnx/graph.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { countStep } from '../src/train/inspect/index.ts'
import { trainedModel } from '../src/update/recipes/index.ts'
import type { TextRung } from '../src/update/texts/text-rungs.ts'

const [width, layers] = [1000, 8]
const node = (op: string, inputs: string[], output: string): Node => ({
  ...{ op, domain: '', name: output, inputs, outputs: [output], attributes: {} },
})
const zeros = (...dims: [number, number]): Tensor => float32(dims, new Float32Array(dims[0] * dims[1]))

/** The file of a model with wide layers behind an embedding: all of them take several times the memory of low-rank updates. */
export const wideLanguage = (vocabulary: number): Uint8Array =>
  encodeGraph(
    {
      name: 'wide',
      inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch', 'sequence'] }],
      outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 'sequence', vocabulary] }],
      initializers: new Map([
        ['table', zeros(vocabulary, width)],
        ...Array.from({ length: layers }, (_, at) => [`layer.${at}`, zeros(width, width)] as const),
        ['head', zeros(width, vocabulary)],
      ]),
      nodes: [
        node('Gather', ['table', 'input_ids'], 'x.0'),
        ...Array.from({ length: layers }, (_, at) =>
          node('MatMul', [`x.${at}`, `layer.${at}`], `x.${at + 1}`),
        ),
        node('MatMul', [`x.${layers}`, 'head'], 'logits'),
      ],
    },
    { opsets: { '': 17 }, irVersion: 8 },
  )

/** What a process takes at its peak that reads a model and trains a rung of it. */
export function stepBytes(
  model: Model,
  { lora, select }: TextRung,
  asked: { readonly batch: number; readonly sequence: number },
): number {
  const { model: trains } = trainedModel({ lora, select, seed: 1 }, model)
  const weights = [...weightsOf(model).values(), ...model.graph.initializers.values()]
  const fileBytes = weights.reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0)
  return countStep({ model: trains, dims: {}, fileBytes, ...asked }).cost.bytes
}
