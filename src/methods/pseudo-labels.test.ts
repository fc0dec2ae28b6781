import { expect, it } from 'vitest'
import { stepContext } from '../../test/method-contexts.ts'
import { engine, runToEnd, toyData, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { itemAt, required } from '../required.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { distil } from './distil.ts'
import { pseudoLabelLoss } from './pseudo-labels.ts'

it('is the cross-entropy of old answers over old classes with new ones over all so far, by hand', async () => {
  // Of six units 0 and 1 are old, 2 and 3 the task's, 4 and 5 to come. The last two rows of the batch have no labels.
  const now = [
    [9, 9, 9, 9, 9, 9],
    [1, 0, 2, -1, 5, 5],
    [0.5, 1.5, 0, 0, 7, 7],
  ]
  const old = [
    [2, 1, 4, 4, 4, 4],
    [-1, 1, 3, 3, 3, 3],
  ]
  const builder = new GraphBuilder()
  const logits = builder.input('now', float32([3, 6]))
  const table = builder.input('old', float32([2, 6]))
  const context = stepContext(builder, {
    logits,
    rows: builder.constant({ type: 'int32', dims: [3], data: Int32Array.of(0, 1, 2) }),
    sources: new Map([['unlabelled', { from: 1, size: 2, offset: 5, columns: new Map() }]]),
  })
  const answers = { from: 0, at: () => table, answered: () => undefined }
  const loss = pseudoLabelLoss(context, taskContext(toyStream('class'), 1, 4), answers)
  builder.output(loss ?? logits, 'loss')
  const executable = await engine.load(encodeGraph(builder.finish('loss')))
  const feeds = new Map([
    ['now', float32([3, 6], now.flat())],
    ['old', float32([2, 6], old.flat())],
  ])
  const outputs = await executable.run(feeds)
  await executable.dispose()
  const shares = (values: readonly number[]) =>
    values.map((value) => Math.exp(value) / values.reduce((sum, one) => sum + Math.exp(one), 0))
  const wanted = old.reduce((sum, row, at) => {
    const q = shares(row.slice(0, 2))
    const p = shares((now[at + 1] ?? []).slice(0, 4))
    return sum - q.reduce((all, share, c) => all + share * Math.log(p[c] ?? 0), 0) / 2
  }, 0)
  expect(itemAt(toNumbers(required(outputs, 'loss', 'output')), 0, 'number')).toBeCloseTo(wanted, 5)
})

it('is refused where each task has a head of its own', async () => {
  const options = {
    stream: toyStream('task'),
    method: distil({ pseudoLabels: true }),
    unlabelled: toyData({ seed: 9 }),
  }
  await expect(runToEnd(toyOptions(options))).rejects.toThrow(/no new class stands beside the old ones/)
})
