import { z } from 'zod'
import { gradLosses } from '../train/inspect/index.ts'
import { gradFile } from '../train/inspect/index-files.ts'
import { engineFor } from './engine.ts'
import { fromText, group, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, outputFlag } from './shared-flags.ts'
import { defineVerb } from './verb.ts'

const settings = z.object({
  model: path('MODEL').meta({ argument: true, description: 'An .onnx file' }),
  ...group('Step', {
    batch: path('FILE').meta({
      description: 'A safetensors file: each graph input by its name, and labels',
    }),
    loss: fromText(z.enum(gradLosses)).default(gradLosses[0]).meta({ description: 'The loss' }),
  }),
  ...outputFlag,
  ...bindFlag,
  ...group('Output', {
    out: path('FILE').default('grads.safetensors').meta({ description: 'File to write', alias: 'o' }),
  }),
})

/** `holdfast grad`: loss and gradients of one batch, as a file that any other program can be held against. */
export const grad = defineVerb({
  name: 'grad',
  examples: ['holdfast grad model.onnx --batch batch.safetensors --loss cross-entropy -o grads.safetensors'],
  settings,
  run: async (asked, _call, outputs) => {
    const { model, out, batch, output, bind } = asked
    await checkPlaces(
      [
        { flag: 'MODEL', path: model, is: 'model' },
        { flag: '--batch', path: batch, is: 'file' },
      ],
      [{ flag: '-o', path: out }],
      outputs,
    )
    const summary = await gradFile(model, out, {
      engine: engineFor(asked),
      batch,
      loss: asked.loss,
      output,
      bind,
    })
    const { loss, parameters, seconds } = summary
    return {
      json: summary,
      text: `Loss ${loss}\nGradients of ${parameters} parameters in ${seconds.toFixed(2)} s\nWritten: ${out}`,
    }
  },
})
