import { UsageError } from '../errors.ts'
import { gradLosses } from '../train/inspect/index.ts'
import { gradFile } from '../train/inspect/index-files.ts'
import { outputFlag } from './shared-flags.ts'
import { choiceOf } from './values.ts'
import { engineFor, engineSettings, type Verb } from './verb.ts'

/** `holdfast grad`: loss and gradients of one batch, as a file that any other program can be held against. */
export const grad: Verb = {
  name: 'grad',
  summary: 'Loss and gradients of one batch, to check against any other program',
  examples: ['holdfast grad model.onnx --batch batch.safetensors --loss cross-entropy -o grads.safetensors'],
  args: {
    model: { type: 'positional', description: 'an .onnx file', required: true },
    batch: {
      type: 'string',
      description: 'A safetensors file: each graph input by its name, and labels',
      valueHint: 'FILE',
    },
    loss: {
      type: 'string',
      description: `${gradLosses.join(', ')} (default cross-entropy)`,
      valueHint: 'KIND',
    },
    ...outputFlag,
    out: {
      type: 'string',
      alias: 'o',
      description: 'File to write (default grads.safetensors)',
      valueHint: 'FILE',
    },
  },
  run: async (call) => {
    const batch = call.text('batch')
    if (batch === undefined) {
      throw new UsageError(
        'argument-missing',
        'holdfast grad needs --batch FILE: a safetensors file with each graph input by its name, and labels.',
      )
    }
    const out = call.text('out') ?? 'grads.safetensors'
    const summary = await gradFile(call.text('model') ?? '', out, {
      engine: engineFor(engineSettings(call)),
      batch,
      loss: choiceOf('loss', call.text('loss'), gradLosses) ?? 'cross-entropy',
      output: call.text('output'),
    })
    const { loss, parameters, seconds } = summary
    return {
      json: summary,
      text: `Loss ${loss}\nGradients of ${parameters} parameters in ${seconds.toFixed(2)} s\nWritten: ${out}`,
    }
  },
}
