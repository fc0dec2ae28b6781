import { z } from 'zod'
import { count } from '../count.ts'
import { bounds } from '../data/bounds.ts'
import { largest } from '../extent.ts'
import { fisherDefaults, fisherLabels } from '../methods/fisher/index.ts'
import { fisherFile } from '../train/plan/index-files.ts'
import { noteData, showDownload } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, outputFlag, readingFlags, readingOf } from './shared-flags.ts'
import { defineVerb } from './verb.ts'

const settings = z.object({
  model: path('MODEL').meta({ argument: true, description: 'An .onnx file' }),
  ...group('Fisher', {
    data: path('NAME')
      .default('mnist')
      .meta({ description: 'mnist, synthetic, or a path: its training part' }),
    labels: fromText(z.enum(fisherLabels))
      .optional()
      .meta({
        description: 'Labels that the Fisher is taken over',
        otherwise: `${fisherDefaults.labels}; of texts sampled`,
      }),
    samples: fromText(bounds.rows())
      .optional()
      .meta({ description: 'Samples, drawn at random', otherwise: 'all' }),
    batch: fromText(bounds.batch())
      .default(fisherDefaults.batchSize)
      .meta({ description: 'Rows a pass; changes the result of --labels batch only', option: 'batchSize' }),
  }),
  ...readingFlags,
  ...outputFlag,
  ...bindFlag,
  ...group('Output', {
    out: path('FILE').default('fisher.safetensors').meta({ description: 'File to write', alias: 'o' }),
  }),
})

/** `holdfast fisher`: the Fisher diagonal of a model on data, as a file. */
export const fisher = defineVerb({
  name: 'fisher',
  examples: [
    'holdfast fisher model.onnx --data mnist --samples 1000 -o fisher.safetensors',
    'holdfast fisher gpt/ --data texts/ --samples 500',
  ],
  settings,
  run: async (asked, { screen }, outputs) => {
    await checkPlaces(
      [
        { flag: 'MODEL', path: asked.model, is: 'model' },
        { flag: '--data', path: asked.data, is: 'data' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
      ],
      [{ flag: '-o', path: asked.out, held: true }],
      outputs,
    )
    const { loaded, summary } = await fisherFile(asked.model, asked.out, {
      engine: engineFor(asked),
      source: asked.data,
      preprocessing: asked.preprocessing,
      reading: readingOf(asked),
      labels: asked.labels,
      samples: asked.samples,
      batchSize: asked.batch,
      output: asked.output,
      bind: asked.bind,
      seed: asked.seed ?? 0,
      load: { download: true, orSynthetic: true, onProgress: showDownload(screen) },
    })
    noteData(loaded, screen)
    const widest = largest(summary.parameters.map(({ name }) => name.length))
    return {
      json: { ...summary, notes: loaded.notes },
      text: [
        `Fisher (${summary.labels}) of ${summary.model} on ${count(summary.samples, 'sample')}${summary.tokens === undefined ? '' : `, ${count(summary.tokens, 'token')},`} of ${summary.dataset.name}`,
        '',
        ...summary.parameters.map(
          ({ name, dims, mass }) => `${name.padEnd(widest)}  ${mass.toExponential(3)}  [${dims.join(', ')}]`,
        ),
        '',
        `Written: ${summary.file}`,
      ].join('\n'),
    }
  },
})
