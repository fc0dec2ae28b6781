import { expect, it } from 'vitest'
import { dynamicallyQuantised } from '../../../test/dynamic-layers.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { plainNode } from '../../onnx/graph.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { textLadder } from './text-rungs.ts'

/** Each token by itself, 256 numbers wide. */
const file = encodeGraph({
  name: 'words',
  inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch', 'sequence'] }],
  outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 'sequence', 5] }],
  initializers: new Map<string, Tensor>([
    ['table', float32([5, 256], new Float32Array(5 * 256).fill(0.5))],
    ['head', float32([256, 5], new Float32Array(5 * 256).fill(0.5))],
  ]),
  nodes: [
    plainNode('Gather', ['table', 'input_ids'], 'x'),
    plainNode('Relu', ['x'], 'h'),
    plainNode('MatMul', ['h', 'head'], 'logits'),
  ],
})

it('knows the width by the head, whether it is of floats or of few bits', () => {
  for (const bytes of [file, dynamicallyQuantised(file).bytes]) {
    const [rung] = textLadder({ model: modelFromOnnx(bytes), rungs: ['low-rank'] })
    expect(rung?.learningRate).toBe(0.0015)
  }
})
