import { type Attributes, float } from '../../onnx/graph.ts'
import type { CaseInput, CompositeCase } from '../core/index.ts'

const x = (...dims: number[]): CaseInput => ({ dims, range: [-2, 2] })
const heads = [x(2, 2, 3, 4), x(2, 2, 5, 4), x(2, 2, 5, 3)]
const square = [x(2, 2, 4, 3), x(2, 2, 4, 3), x(2, 2, 4, 3)]
const sideBySide = [x(2, 3, 8), x(2, 5, 8), x(2, 5, 6)]

const booleans = (
  dims: readonly number[],
  constant: boolean,
  hidden: (at: number) => boolean,
): CaseInput => ({
  dims,
  type: 'bool',
  constant,
  values: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, at) => (hidden(at) ? 0 : 1)),
})

const form = (
  name: string,
  inputs: readonly (CaseInput | undefined)[],
  attributes: Attributes = {},
): CompositeCase => ({
  name,
  inputs,
  attributes,
})

export function attentionCases(): CompositeCase[] {
  return [
    form('heads apart', heads),
    form('heads side by side', sideBySide, { q_num_heads: 2, kv_num_heads: 2 }),
    form('causal', square, { is_causal: 1 }),
    form('causal, more keys than queries', heads, { is_causal: 1 }),
    form('own scale', square, { scale: float(0.3) }),
    form('softcap', square, { softcap: float(1.5) }),
    form('softcap, causal', square, { softcap: float(1.5), is_causal: 1 }),
    form('softmax in float32', square, { softmax_precision: 1 }),
    form('grouped queries', [x(2, 4, 3, 2), x(2, 2, 5, 2), x(2, 2, 5, 3)]),
    form('grouped queries, causal, side by side', [x(2, 4, 12), x(2, 4, 4), x(2, 4, 4)], {
      q_num_heads: 6,
      kv_num_heads: 2,
      is_causal: 1,
    }),
    form('one head of keys', [x(1, 3, 4, 2), x(1, 1, 4, 2), x(1, 1, 4, 2)]),
    form('mask to add', [...heads, x(3, 5)]),
    form('mask to add for each sample', [...heads, x(2, 1, 3, 5)]),
    form('mask to add for each head', [...heads, x(2, 2, 3, 5)], { is_causal: 1 }),
    form('mask of booleans', [...heads, booleans([3, 5], true, (at) => at % 3 === 0)]),
    form('mask of booleans at run time', [...heads, booleans([2, 1, 3, 5], false, (at) => at % 4 === 1)]),
    form('mask of booleans, softcap', [...heads, booleans([3, 5], true, (at) => at % 3 === 0)], {
      softcap: float(1.5),
    }),
    form('a query that sees nothing', [...heads, booleans([3, 5], false, (at) => at < 5)]),
    form('a query that sees nothing, known', [...heads, booleans([3, 5], true, (at) => at < 5)]),
    // Opset 24 allows it; the runtime does not yet.
    {
      ...form('mask shorter than the keys', [...heads, booleans([3, 4], true, (at) => at % 3 === 0)]),
      withoutKernel: true,
    },
    // Opset 25 has windows; the runtime has no kernel for them.
    ...[
      { left_window_size: 1 },
      { left_window_size: 1, right_window_size: 1 },
      { left_window_size: 1, is_causal: 1 },
      { left_window_size: 0, right_window_size: 0 },
    ].map((attributes) => ({
      ...form(`window of ${Object.values(attributes)}`, square, attributes),
      withoutKernel: true as const,
    })),
    { ...form('opset 23', [...heads, x(3, 5)]), opset: 23 },
  ]
}
