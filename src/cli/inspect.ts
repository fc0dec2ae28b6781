import { UsageError } from '../errors.ts'
import { parseSelection } from '../model/adapters/index.ts'
import { inspectFile } from '../train/inspect/index-files.ts'
import { inspectionText } from './inspect-text.ts'
import { outputFlag } from './shared-flags.ts'
import { choiceOf, type Given, wholeOf } from './values.ts'
import type { Verb } from './verb.ts'

/** `holdfast inspect`: what a model is, what of it can be trained, and what a step takes. */
export const inspect: Verb = {
  name: 'inspect',
  summary: 'What a model is, what of it can be trained, and what a step takes',
  examples: ['holdfast inspect model.onnx', 'holdfast inspect model.onnx --train head --batch 32 --json'],
  args: {
    model: { type: 'positional', description: 'an .onnx file, or a folder with one', required: true },
    batch: { type: 'string', description: 'Rows in a batch (default 16)', valueHint: 'N' },
    dims: {
      type: 'string',
      description: 'Sizes of other symbolic dims, with commas between them',
      valueHint: 'NAME=SIZE',
    },
    train: {
      type: 'string',
      description: 'What trains: all, head, last:N, biases-norms, or patterns of names (default all)',
      valueHint: 'SELECTION',
    },
    batchnorm: {
      type: 'string',
      description: 'fixed: statistics stay; train: they follow the batches (default fixed)',
      valueHint: 'fixed|train',
    },
    lora: { type: 'string', description: 'Train low-rank updates of this rank instead', valueHint: 'RANK' },
    ...outputFlag,
  },
  run: async (call) => {
    const train = call.text('train')
    const rank = wholeOf('lora', call.text('lora'), 1)
    if (train !== undefined && rank !== undefined) {
      throw new UsageError(
        'flag-value',
        '--train and --lora say two things about what trains. Give one of them.',
      )
    }
    const inspection = await inspectFile(call.text('model') ?? '', {
      batch: wholeOf('batch', call.text('batch'), 1) ?? 16,
      dims: sizesOf(call.text('dims')),
      ...(train === undefined ? {} : { train: parseSelection(train) }),
      ...(rank === undefined ? {} : { loraRank: rank }),
      batchNorm: choiceOf('batchnorm', call.text('batchnorm'), ['fixed', 'train']) ?? 'fixed',
      output: call.text('output'),
    })
    return {
      json: inspection,
      text: inspectionText(inspection),
      exitCode: inspection.trainable ? 0 : 2,
    }
  },
}

function sizesOf(text: Given): Record<string, number> {
  const entries = (text ?? '').split(',').filter((part) => part !== '')
  return Object.fromEntries(
    entries.map((entry): [string, number] => {
      const [, name, size] = /^(.+)=(\d+)$/.exec(entry.trim()) ?? []
      if (name !== undefined && Number(size) > 0) return [name, Number(size)]
      throw new UsageError(
        'flag-value',
        `--dims: expected sizes as in sequence=64,width=32, found "${entry}".`,
      )
    }),
  )
}
