import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { mlp } from '../../model/layers/networks.ts'
import { causalCrossEntropy, positionCrossEntropy } from '../../model/losses/cross-entropy.ts'
import type { Model } from '../../model/model.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { lossAndGradients } from './grad.ts'

const engine = ortNode()
const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/torch/${name}`, import.meta.url))
const norm = (values: readonly number[]): number => Math.hypot(...values)

describe('loss and gradients of a batch', () => {
  it.each(['mlp', 'conv', 'layernorm', 'encoder-batch-first'])("are PyTorch's for %s", async (name) => {
    const { tensors } = readSafetensors(fixture(`${name}.safetensors`))
    const model = modelFromOnnx(fixture(`${name}.onnx`))
    const [x, labels] = [tensors.get('input/x'), tensors.get('input/labels')]
    if (!x || !labels) throw new Error('the fixture lacks its batch')
    const batch = new Map([
      [model.input.name, x],
      ['labels', labels],
    ])
    const { loss, gradients } = await lossAndGradients({ engine, model, batch, loss: 'cross-entropy' })
    const [expected = 0] = toNumbers(tensors.get('output/loss') as Tensor)
    expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-5)
    expect([...gradients.keys()]).toEqual([...model.parameters.keys()])
    const whole = norm(
      [...tensors].flatMap(([key, theirs]) => (key.startsWith('gradient/') ? toNumbers(theirs) : [])),
    )
    let compared = 0
    for (const [parameter, gradient] of gradients) {
      const theirs = tensors.get(`gradient/${parameter}`)
      if (!theirs) continue
      // The bias of the keys has no influence on a softmax: its gradient is rounding errors only.
      const [a, b] = [toNumbers(gradient), toNumbers(theirs)]
      expect(norm(a.map((value, at) => value - (b[at] ?? 0))) / Math.max(norm(b), 1e-4 * whole)).toBeLessThan(
        1e-4,
      )
      compared++
    }
    expect(compared).toBeGreaterThan(1)
  })

  const model: Model = mlp({ widths: [3, 4, 2], seed: 1 })
  const x = float32([2, 3], [1, 2, 3, 4, 5, 6])
  const labels = int64([2], [0, 1])
  const graded = (batch: Readonly<Record<string, Tensor>>, of: Model = model) =>
    lossAndGradients({ engine, model: of, batch: new Map(Object.entries(batch)), loss: 'cross-entropy' })

  it.each([
    ['batch-input-missing', { labels }, /no "x"; it holds "labels"/],
    ['batch-input-missing', { x }, /no "labels"/],
    ['batch-input-unknown', { x, labels, y: x }, /holds "y"/],
    ['batch-input-dims', { x: float32([2, 4]), labels }, /float32\[N,3\].*float32\[2,4\]/],
    ['batch-input-dims', { x: float32([0, 3]), labels: int64([0], []) }, /no elements/],
    ['batch-labels', { x, labels: float32([2]) }, /int64\[2\].*float32\[2\]/],
    ['label-out-of-range', { x, labels: int64([2], [0, 2]) }, /Label 2 at place 1.*2 classes/],
  ])('refuses with %s', async (code, batch, message) => {
    await expect(graded(batch as Record<string, Tensor>)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('refuses a model with NaN among its weights', async () => {
    const parameters = new Map(model.parameters)
    const [name = ''] = parameters.keys()
    parameters.set(
      name,
      float32(
        parameters.get(name)?.dims ?? [],
        toNumbers(parameters.get(name) as Tensor).map(() => Number.NaN),
      ),
    )
    await expect(graded({ x, labels }, { ...model, parameters })).rejects.toMatchObject({
      code: 'parameter-not-finite',
      message: expect.stringContaining(name),
    })
  })
})

describe('the loss over positions', () => {
  const logits = float32([1, 3, 2], [1, 0, 0, 2, 3, 3])
  const nll = (a: number, b: number): number => Math.log(1 + Math.exp(b - a))
  const evaluate = async (make: typeof positionCrossEntropy, labels: Tensor): Promise<number> => {
    const builder = new GraphBuilder()
    const loss = make(builder, builder.input('logits', logits), builder.input('labels', labels))
    builder.output(loss, 'loss')
    const executable = await engine.load(encodeGraph(builder.finish('loss')))
    const outputs = await executable.run(
      new Map<string, Tensor>([
        ['logits', logits],
        ['labels', labels],
      ]),
    )
    await executable.dispose()
    return toNumbers(outputs.get('loss') as Tensor)[0] ?? Number.NaN
  }

  it('leaves positions labelled -100 out of the mean', async () => {
    const loss = await evaluate(positionCrossEntropy, int64([1, 3], [0, -100, 1]))
    expect(loss).toBeCloseTo((nll(1, 0) + nll(3, 3)) / 2, 6)
  })

  it('holds each position of a causal model against the next label', async () => {
    const loss = await evaluate(causalCrossEntropy, int64([1, 3], [1, 1, 0]))
    expect(loss).toBeCloseTo((nll(0, 1) + nll(0, 2)) / 2, 6)
  })
})
