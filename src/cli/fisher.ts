import { fisherFile } from '../train/plan/index-files.ts'
import { noteData, showDownload } from './data-notes.ts'
import { outputFlag } from './shared-flags.ts'
import { choiceOf, wholeOf } from './values.ts'
import { engineFor, engineSettings, type Verb } from './verb.ts'

/** `holdfast fisher`: the Fisher diagonal of a model on data, as a file. */
export const fisher: Verb = {
  name: 'fisher',
  summary: 'The Fisher diagonal of a model: what matters in it',
  examples: ['holdfast fisher model.onnx --data mnist --samples 1000 -o fisher.safetensors'],
  args: {
    model: { type: 'positional', description: 'an .onnx file', required: true },
    data: {
      type: 'string',
      description: 'mnist (default), synthetic, or a path: its training part',
      valueHint: 'NAME',
    },
    labels: { type: 'string', description: 'exact (default), sampled, true or batch', valueHint: 'KIND' },
    samples: { type: 'string', description: 'Samples, drawn at random (default all)', valueHint: 'N' },
    batch: {
      type: 'string',
      description: 'Rows a pass (default 128); changes the result of --labels batch only',
      valueHint: 'N',
    },
    preprocessing: {
      type: 'string',
      description: 'unit, mnist, stored, or default: pixels to 0..1',
      valueHint: 'KIND',
    },
    ...outputFlag,
    out: {
      type: 'string',
      alias: 'o',
      description: 'File to write (default fisher.safetensors)',
      valueHint: 'FILE',
    },
  },
  run: async (call) => {
    const out = call.text('out') ?? 'fisher.safetensors'
    const { loaded, summary } = await fisherFile(call.text('model') ?? '', out, {
      engine: engineFor(engineSettings(call)),
      source: call.text('data') ?? 'mnist',
      preprocessing: choiceOf('preprocessing', call.text('preprocessing'), [
        'default',
        'unit',
        'mnist',
        'stored',
      ]),
      labels: choiceOf('labels', call.text('labels'), ['exact', 'sampled', 'true', 'batch']),
      samples: wholeOf('samples', call.text('samples'), 1),
      batchSize: wholeOf('batch', call.text('batch'), 1),
      output: call.text('output'),
      seed: wholeOf('seed', call.text('seed')) ?? 0,
      load: { download: true, orSynthetic: true, onProgress: showDownload(call.screen) },
    })
    noteData(loaded, call.screen)
    const widest = Math.max(...summary.parameters.map(({ name }) => name.length))
    return {
      json: summary,
      text: [
        `Fisher (${summary.labels}) of ${summary.model} on ${summary.samples} samples of ${summary.dataset.name}`,
        '',
        ...summary.parameters.map(
          ({ name, dims, mass }) => `${name.padEnd(widest)}  ${mass.toExponential(3)}  [${dims.join(', ')}]`,
        ),
        '',
        `Written: ${summary.file}`,
      ].join('\n'),
    }
  },
}
