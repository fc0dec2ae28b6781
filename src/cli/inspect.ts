import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { providerOf } from '../engine/providers.ts'
import { inspectDefaults } from '../train/inspect/index.ts'
import { inspectFile } from '../train/inspect/index-files.ts'
import { fromText, group, path, pixels, sizes } from './flags/index.ts'
import { inspectionText } from './inspect-text.ts'
import { checkPlaces } from './places.ts'
import { batchnormFlag, bindFlag, outputFlag, trainFlags } from './shared-flags.ts'
import { defineVerb } from './verb.ts'

const settings = z
  .object({
    model: path('MODEL').meta({ argument: true, description: 'An .onnx file, or a folder with one' }),
    ...group('Step', {
      batch: fromText(bounds.batch()).default(inspectDefaults.batch).meta({ description: 'Rows in a batch' }),
      size: pixels().optional().meta({
        description: 'Height and width of images, where the file leaves them free',
        otherwise: 'as the files beside the model say, else 224x224',
      }),
      dims: sizes().default({}).meta({ description: 'Sizes of other symbolic dims', otherwise: 'guessed' }),
    }),
    ...trainFlags,
    ...outputFlag,
    ...bindFlag,
    ...batchnormFlag,
  })
  .refine(({ train, lora }) => !(train && lora), {
    error: '--train and --lora say two things about what trains. Give one of them.',
  })

/** `holdfast inspect`: what a model is, what of it can be trained, and what a step takes. */
export const inspect = defineVerb({
  name: 'inspect',
  examples: [
    'holdfast inspect model.onnx',
    'holdfast inspect model.onnx --train head --batch 32 --json',
    'holdfast inspect model.onnx --device webgpu',
  ],
  settings,
  run: async (asked) => {
    const {
      model,
      batch,
      size,
      dims,
      train,
      lora,
      recompute,
      batchnorm,
      output,
      bind,
      device = 'cpu',
    } = asked
    await checkPlaces([{ flag: 'MODEL', path: model, is: 'model' }])
    const inspection = await inspectFile(model, {
      batch,
      image: size,
      dims,
      train,
      loraRank: lora?.rank,
      recompute,
      batchNorm: batchnorm,
      output,
      bind,
      onWebgpu: providerOf(device) === 'webgpu',
    })
    return {
      json: inspection,
      text: inspectionText(inspection, device),
      exitCode: inspection.trainable ? 0 : 2,
    }
  },
})
