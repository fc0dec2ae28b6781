import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { gradients } from '../src/autodiff/gradients.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import { createDataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { createEvaluator } from '../src/evaluate/index.ts'
import { fisherDiagonal } from '../src/methods/fisher/index.ts'
import { modelFromOnnx } from '../src/model/import/index.ts'
import { crossEntropy } from '../src/model/losses/index.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Attributes, Graph, Node } from '../src/onnx/graph.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, type Tensor, toNumbers } from '../src/tensor/tensor.ts'

const engine = ortNode({ threads: 1 })
const [TOKENS, WIDTH, HEADS, CLASSES] = [3, 4, 2, 3]

const node = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  op,
  domain: '',
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes,
})

/**
 * Attention as PyTorch's exporter writes it for a fixed batch: a class token expanded to the batch, positions in front, and the batch in
 * the constants of each Reshape, at times behind the positions and at times multiplied with the heads.
 */
function attention(batch: number, declared: number | string = batch): Uint8Array {
  const random = randomStream(3, 'fixed batch')
  const drawn = (...dims: number[]): Tensor => {
    const tensor = float32(dims)
    random.fillUniform(tensor.data, -1, 1)
    return tensor
  }
  const steps = TOKENS + 1
  const split = [steps, batch * HEADS, WIDTH / HEADS]
  const shape = (values: readonly number[]) => int64([values.length], values)
  const one = (name: 'q' | 'k' | 'v', perm: readonly number[]): Node[] => [
    node('MatMul', ['turned', `w_${name}`], name),
    node('Reshape', [name, 'split'], `${name}_split`),
    node('Transpose', [`${name}_split`], `${name}_heads`, { perm }),
  ]
  const graph: Graph = {
    name: 'attention',
    inputs: [{ name: 'x', type: 'float32', dims: [declared, TOKENS * WIDTH] }],
    outputs: [{ name: 'logits', type: 'float32', dims: [declared, CLASSES] }],
    initializers: new Map([
      ['tokens', shape([batch, TOKENS, WIDTH])],
      ['class_token', drawn(1, 1, WIDTH)],
      ['class_dims', shape([batch, 1, WIDTH])],
      ['position', drawn(1, steps, WIDTH)],
      ['w_q', drawn(WIDTH, WIDTH)],
      ['w_k', drawn(WIDTH, WIDTH)],
      ['w_v', drawn(WIDTH, WIDTH)],
      ['split', shape(split)],
      ['flat', shape([steps * batch, WIDTH])],
      ['w_o', drawn(WIDTH, WIDTH)],
      ['b_o', drawn(WIDTH)],
      ['whole', shape([steps, batch, WIDTH])],
      ['first', int64([], [0])],
      ['w', drawn(WIDTH, CLASSES)],
      ['b', drawn(CLASSES)],
    ]),
    nodes: [
      node('Reshape', ['x', 'tokens'], 'sequence'),
      node('Expand', ['class_token', 'class_dims'], 'class_tokens'),
      node('Concat', ['class_tokens', 'sequence'], 'with_class', { axis: 1 }),
      node('Add', ['with_class', 'position'], 'placed'),
      node('Transpose', ['placed'], 'turned', { perm: [1, 0, 2] }),
      ...one('q', [1, 0, 2]),
      ...one('k', [1, 2, 0]),
      ...one('v', [1, 0, 2]),
      node('MatMul', ['q_heads', 'k_heads'], 'scores'),
      node('Softmax', ['scores'], 'shares', { axis: -1 }),
      node('MatMul', ['shares', 'v_heads'], 'mixed'),
      node('Transpose', ['mixed'], 'mixed_steps', { perm: [1, 0, 2] }),
      node('Reshape', ['mixed_steps', 'flat'], 'mixed_flat'),
      node('Gemm', ['mixed_flat', 'w_o', 'b_o'], 'out_flat'),
      node('Reshape', ['out_flat', 'whole'], 'out_steps'),
      node('Transpose', ['out_steps'], 'out', { perm: [1, 0, 2] }),
      node('Gather', ['out', 'first'], 'pooled', { axis: 1 }),
      node('Gemm', ['pooled', 'w', 'b'], 'logits'),
    ],
  }
  return encodeGraph(graph, { opsets: { '': 17 } })
}

const ROWS = 7
const inputs = float32([ROWS, TOKENS * WIDTH])
randomStream(5, 'rows').fillUniform(inputs.data, -2, 2)
const labels = { type: 'int32' as const, dims: [ROWS], data: Int32Array.from([0, 1, 2, 0, 1, 2, 0]) }
const data = createDataset({ name: 'rows', inputs, labels, classes: ['a', 'b', 'c'] })

/** What the file itself answers, its batch at a time; the last one filled up. */
async function asTheFileSays(bytes: Uint8Array, batch: number): Promise<number[]> {
  const executable = await engine.load(bytes)
  const answers: number[] = []
  const width = TOKENS * WIDTH
  for (let from = 0; from < ROWS; from += batch) {
    const block = float32([batch, width])
    block.data.set(inputs.data.subarray(from * width, Math.min(ROWS, from + batch) * width))
    const logits = (await executable.run(new Map([['x', block]]))).get('logits')
    answers.push(...(logits ? toNumbers(logits) : []))
  }
  await executable.dispose()
  return answers.slice(0, ROWS * CLASSES)
}

const stateOf = ({ parameters }: Model) =>
  new Map([...parameters].map(([name, tensor]) => [`parameter/${name}`, tensor]))

/** Gradients of the mean loss of all rows, by name. */
async function gradientsOf(model: Model): Promise<Map<string, number[]>> {
  const builder = new GraphBuilder()
  const x = builder.input('x', inputs)
  const names = [...model.parameters.keys()]
  const wanted = names.map((name) => builder.input(name, model.parameters.get(name) ?? inputs))
  const bound = new Map([['x', x], ...names.map((name, at) => [name, wanted[at] ?? x] as const)])
  const { outputs } = specialise(builder, model.graph, model.opsets, bound, { outputs: [model.output] })
  const logits = outputs.get(model.output) ?? x
  const loss = crossEntropy(builder, logits, builder.input('labels', labels), {})
  gradients(builder, loss, wanted).forEach((gradient, at) => {
    if (gradient) builder.output(gradient, `d/${names[at]}`)
  })
  const executable = await engine.load(encodeGraph(builder.finish('step')))
  const results = await executable.run(new Map([['x', inputs], ['labels', labels], ...model.parameters]))
  await executable.dispose()
  return new Map([...results].map(([name, tensor]) => [name, toNumbers(tensor)]))
}

const near = (found: readonly number[], expected: readonly number[]) => {
  expect(found).toHaveLength(expected.length)
  for (const [at, value] of found.entries()) expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 4)
}

describe.each([
  [1, 1],
  [2, 2],
  [4, 4],
  [1, 'N'],
] as const)('a file whose batch is fixed at %i and declared as %s', (batch, declared) => {
  const bytes = attention(batch, declared)
  const model = modelFromOnnx(bytes)

  it('answers any number of rows as the file does', async () => {
    const evaluator = createEvaluator(engine, model, CLASSES)
    const { data: found } = await evaluator.logits(data, stateOf(model))
    await evaluator.dispose()
    near([...found], await asTheFileSays(bytes, batch))
  })

  it('has the gradients that the same model with a batch of all rows has', async () => {
    const whole = await gradientsOf(modelFromOnnx(attention(ROWS)))
    const found = await gradientsOf(model)
    expect([...found.keys()].sort()).toEqual([...whole.keys()].sort())
    for (const [name, gradient] of found) near(gradient, whole.get(name) ?? [])
  })

  it('has the Fisher of its rows', async () => {
    const fisher = async (of: Model, batchSize: number) => {
      const random = randomStream(1, 'fisher')
      const { diagonal } = await fisherDiagonal({
        engine,
        model: of,
        parameters: of.parameters,
        dataset: data,
        batchSize,
        random,
      })
      return diagonal
    }
    const [found, expected] = [await fisher(model, 5), await fisher(modelFromOnnx(attention(1)), 1)]
    for (const [name, { data: values }] of found) near([...values], [...(expected.get(name)?.data ?? [])])
  })
})
