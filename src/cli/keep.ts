import { stat } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { defaultBudget, type PackBudget, summarisePack } from '../update/pack/index.ts'
import {
  extendFile,
  type KeepSources,
  keepFile,
  mergeFiles,
  readPack,
  type WrittenPack,
} from '../update/pack/index-files.ts'
import { packText } from './keep-text.ts'
import { outputFlag, preprocessingFlag } from './shared-flags.ts'
import { choiceOf, wholeOf } from './values.ts'
import { type Answer, type Call, engineFor, engineSettings, type Verb } from './verb.ts'

/** `holdfast keep`: what must not be forgotten of a model and its data, in one file. */
export const keep: Verb = {
  name: 'keep',
  summary: 'Pack what a model must not forget, for when its data are gone',
  examples: [
    'holdfast keep model.onnx --data old/ --budget 200 -o model.keep',
    'holdfast keep --show model.keep',
    'holdfast keep --merge north.keep south.keep -o both.keep',
    'holdfast keep --extend model.keep --model better.onnx --data new/ -o next.keep',
  ],
  args: {
    model: {
      type: 'string',
      description: 'The model: may stand without --model; with --extend the updated one',
      valueHint: 'FILE.onnx',
    },
    data: {
      type: 'string',
      description: 'What the model was trained on, with a test or validation part to hold out',
      valueHint: 'DIR',
    },
    out: {
      type: 'string',
      alias: 'o',
      description: "File to write (default the model's name with .keep)",
      valueHint: 'FILE.keep',
    },
    budget: { type: 'string', description: 'Exemplars in all (default 200)', valueHint: 'N' },
    'per-class': {
      type: 'string',
      description: 'Exemplars of each class, instead of --budget',
      valueHint: 'N',
    },
    choose: {
      type: 'string',
      description: 'herding (default), random or hardest',
      valueHint: 'HOW',
    },
    'held-out': { type: 'string', description: 'Held-out rows at most (default 2000)', valueHint: 'N' },
    private: {
      type: 'boolean',
      description: 'Store features, never inputs: then only the head can be trained',
    },
    fisher: {
      type: 'string',
      description: 'Store the Fisher: yes, no or auto (default: up to 1,000,000 parameters)',
      valueHint: 'yes|no|auto',
    },
    ...preprocessingFlag,
    'numbers-are-positions': {
      type: 'boolean',
      description: "Labels that are numbers are positions in the other side's list of names",
    },
    ...outputFlag,
    show: { type: 'string', description: 'Tell what a pack holds', valueHint: 'FILE.keep' },
    merge: { type: 'boolean', description: 'Merge packs of one model, named without flags' },
    extend: {
      type: 'string',
      description: 'Extend a pack after an update, by --model and --data',
      valueHint: 'FILE.keep',
    },
  },
  positionals: 100,
  run: async (call) => {
    const show = call.text('show')
    const extended = call.text('extend')
    const asked = [show !== undefined, extended !== undefined, call.on('merge')].filter(Boolean).length
    if (asked > 1) {
      throw new UsageError('flag-value', 'Of --show, --merge and --extend take one at a time.')
    }
    if (show !== undefined) return showPack(show)
    if (call.on('merge')) return answer(call, await mergeFiles(call.positionals, outOf(call)))
    const sources = sourcesOf(call)
    if (extended === undefined) return answer(call, await keepFile(sources))
    if (call.on('private')) {
      throw new UsageError(
        'flag-value',
        '--private is decided when a pack is made; --extend goes on with it.',
      )
    }
    return answer(call, await extendFile(extended, sources))
  },
}

async function showPack(path: string): Promise<Answer> {
  const summary = summarisePack(await readPack(path))
  const { size } = await stat(path)
  return {
    json: { file: path, bytes: size, ...summary },
    text: `${packText(summary)}\n${'size'.padEnd(9)}  ${kilobytes(size)}`,
  }
}

function answer(call: Call, { pack, file, bytes, seconds, notes }: WrittenPack): Answer {
  for (const note of notes) call.screen.warn(`note: ${note}`)
  if (pack.data.some(({ synthetic }) => synthetic)) {
    call.screen.warn('note: synthetic digits drawn by Holdfast; this pack keeps nothing of real data.')
  }
  const summary = summarisePack(pack)
  return {
    json: { file, bytes, seconds, notes, ...summary },
    text: `${packText(summary)}\n\nWritten: ${file} (${kilobytes(bytes)}, ${seconds.toFixed(1)} s)`,
  }
}

const kilobytes = (bytes: number): string =>
  `${(bytes / 1000).toLocaleString('en-US', { maximumFractionDigits: 1 })} kB`

function sourcesOf(call: Call): KeepSources {
  const [word, extra] = call.positionals
  const model = call.text('model') ?? word
  const data = call.text('data')
  const [example] = keep.examples
  if (model === undefined) {
    throw new UsageError('argument-missing', `holdfast keep needs a model (.onnx). For example: ${example}`)
  }
  if (extra !== undefined || (word !== undefined && word !== model)) {
    throw new UsageError(
      'argument-extra',
      `holdfast keep does not know what to do with "${extra ?? word}". For example: ${example}`,
    )
  }
  if (data === undefined) {
    throw new UsageError(
      'argument-missing',
      `holdfast keep needs the data that ${model} was trained on: --data DIR. For example: ${example}`,
    )
  }
  return {
    engine: engineFor(engineSettings(call)),
    model,
    data,
    out: outOf(call, model),
    budget: budgetOf(call),
    heldOutRows: wholeOf('held-out', call.text('held-out')),
    private: call.on('private'),
    fisher: fisherOf(call),
    numbersArePositions: call.on('numbers-are-positions'),
    output: call.text('output'),
    preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
    seed: wholeOf('seed', call.text('seed')),
  }
}

/** A new pack may be named for its model; one that takes the place of another is named by whoever wants that. */
function outOf(call: Call, model?: string): string {
  const out = call.text('out')
  if (out !== undefined) return out
  if (model !== undefined && call.text('extend') === undefined)
    return `${model.replace(/\.onnx$|\/+$/, '')}.keep`
  throw new UsageError('argument-missing', 'Which file is to be written? Say so with -o FILE.keep.')
}

/** Undefined for auto. */
function fisherOf(call: Call): boolean | undefined {
  const said = choiceOf('fisher', call.text('fisher'), ['yes', 'no', 'auto'])
  return said === undefined || said === 'auto' ? undefined : said === 'yes'
}

/** Undefined where nothing was said: a new pack then takes the default, an extended one what it had. */
function budgetOf(call: Call): PackBudget | undefined {
  const rows = wholeOf('budget', call.text('budget'), 1)
  const perClass = wholeOf('per-class', call.text('per-class'), 1)
  const choose = choiceOf('choose', call.text('choose'), ['herding', 'random', 'hardest'])
  if (rows !== undefined && perClass !== undefined) {
    throw new UsageError(
      'flag-value',
      '--budget counts exemplars in all, --per-class those of each class: take one.',
    )
  }
  if (rows === undefined && perClass === undefined) {
    if (choose === undefined) return undefined
    if (call.text('extend') !== undefined) {
      throw new UsageError('flag-value', '--extend with --choose needs --budget or --per-class, too.')
    }
  }
  const size = perClass === undefined ? { rows: rows ?? defaultBudget.rows } : { perClass }
  return { ...size, choose: choose ?? defaultBudget.choose }
}
