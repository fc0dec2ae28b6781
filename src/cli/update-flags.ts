import type { ArgsDef } from 'citty'
import { UsageError } from '../errors.ts'
import { type LoraOptions, parseSelection } from '../model/adapters/index.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { parseUpdateMethod } from '../update/recipes/index.ts'
import { numbersFlag, outputFlag, preprocessingFlag } from './shared-flags.ts'
import { choiceOf, numberOf, shareOf, wholeOf } from './values.ts'
import type { Call } from './verb.ts'

/** What `holdfast update` can be told. */
export const updateArgs = {
  model: {
    type: 'positional',
    description: 'an .onnx file, or a folder as transformers.js lays it out',
    required: true,
  },
  new: {
    type: 'string',
    description: 'New data; 20 % are held out where there is no test part',
    valueHint: 'DIR',
  },
  old: { type: 'string', description: 'Old data: rehearsed, and measured on', valueHint: 'DIR' },
  keep: { type: 'string', description: 'A retention pack instead of old data', valueHint: 'FILE.keep' },
  unlabelled: { type: 'string', description: 'Inputs without labels to distil on', valueHint: 'DIR' },
  'max-drop': {
    type: 'string',
    description: 'Drop in old accuracy allowed (default 1%)',
    valueHint: '1%|0.01|1pt',
  },
  confidence: { type: 'string', description: 'Of the bound on the drop (default 0.95)', valueHint: '0.95' },
  out: {
    type: 'string',
    alias: 'o',
    description: 'File or folder to write; only when the budget is met, see --force',
    valueHint: 'FILE.onnx',
  },
  force: { type: 'boolean', description: 'Write it there though the budget is not met' },
  'dry-run': { type: 'boolean', description: 'Say what was found and what it would cost, and stop' },
  method: {
    type: 'string',
    description: 'auto, replay, distil, ewc, any of these with +, none, joint (default auto)',
    valueHint: 'METHOD',
  },
  trials: {
    type: 'string',
    description: 'Trials at most, each with more protection (default 3)',
    valueHint: 'N',
  },
  epochs: { type: 'string', description: 'Passes over the new data (default 5)', valueHint: 'N' },
  batch: { type: 'string', description: 'New rows a step (default 32)', valueHint: 'N' },
  'learning-rate': {
    type: 'string',
    description: 'Default 1e-3, and 1e-4 where there are layer norms',
    valueHint: 'RATE',
  },
  lambda: { type: 'string', description: "Strength of EWC's penalty (default 1000)", valueHint: 'X' },
  train: {
    type: 'string',
    description: 'What trains: all, head, last:2, biases-norms or names (default all)',
    valueHint: 'SELECTION',
  },
  lora: { type: 'string', description: 'Train low-rank updates only', valueHint: 'RANK[:ALPHA]' },
  adapter: {
    type: 'string',
    description: 'With --lora: write the updates there, for PEFT',
    valueHint: 'DIR',
  },
  batchnorm: {
    type: 'string',
    description: 'fixed: statistics stay as deployed (default); train',
    valueHint: 'fixed|train',
  },
  ...preprocessingFlag,
  ...numbersFlag,
  ...outputFlag,
  report: { type: 'string', description: 'Write a page there', valueHint: 'FILE.html' },
  markdown: { type: 'string', description: 'Write Markdown there', valueHint: 'FILE.md' },
  'keep-out': {
    type: 'string',
    description: 'With --keep: write the pack of the new model there, extended by the new data',
    valueHint: 'FILE.keep',
  },
  baseline: {
    type: 'string',
    description: "Write the new model's predictions there, for the next gate",
    valueHint: 'FILE.jsonl',
  },
} as const satisfies ArgsDef

/** The same, read and checked: where things come from, and how to train. */
export function readUpdateFlags(call: Call) {
  const fresh = call.text('new')
  if (fresh === undefined) {
    throw new UsageError(
      'argument-missing',
      'holdfast update needs new data: --new DIR. For example: holdfast update model.onnx --new new/ --old old/ --max-drop 1% -o better.onnx',
    )
  }
  if (call.text('out') === undefined && !call.on('dry-run')) {
    throw new UsageError(
      'argument-missing',
      'holdfast update needs a place for the new model: -o better.onnx (or --dry-run, to see what it would do).',
    )
  }
  if (call.text('old') !== undefined && call.text('keep') !== undefined) {
    throw new UsageError('flag-value', '--old and --keep both say what is old: give one of them.')
  }
  if (call.text('keep-out') !== undefined && call.text('keep') === undefined) {
    throw new UsageError('flag-value', '--keep-out extends a pack: it needs --keep FILE.keep.')
  }
  const lora = loraOf(call.text('lora'))
  if (call.text('adapter') !== undefined && !lora) {
    throw new UsageError('flag-value', '--adapter writes low-rank updates: it needs --lora RANK.')
  }
  const seed = wholeOf('seed', call.text('seed')) ?? 0
  const train = call.text('train')
  const confidence = numberOf('confidence', call.text('confidence'))
  const method = call.text('method')
  return {
    sources: {
      model: call.text('model') ?? '',
      fresh,
      old: call.text('old'),
      keep: call.text('keep'),
      unlabelled: call.text('unlabelled'),
      batchNorm: choiceOf('batchnorm', call.text('batchnorm'), ['fixed', 'train']),
      output: call.text('output'),
      preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
      numbersArePositions: call.on('numbers-are-positions'),
      method: method === undefined ? undefined : parseUpdateMethod(method),
      seed,
    },
    options: {
      budget: {
        maxDrop: shareOf('max-drop', call.text('max-drop')) ?? 0.01,
        ...(confidence === undefined ? {} : { confidence }),
      },
      seed,
      ...given('trials', wholeOf('trials', call.text('trials'), 1)),
      ...given('epochs', wholeOf('epochs', call.text('epochs'), 1)),
      ...given('batchSize', wholeOf('batch', call.text('batch'), 1)),
      ...given('learningRate', numberOf('learning-rate', call.text('learning-rate'), 0)),
      ...given('lambda', numberOf('lambda', call.text('lambda'), 0)),
      ...given('select', train === undefined ? undefined : parseSelection(train)),
      ...given('lora', lora),
    },
  }
}

/** An option where it is given. */
export const given = <K extends string, T>(name: K, value: T | undefined): { readonly [key in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: T }

/** `8`, or `8:16` for rank and alpha. */
function loraOf(text: string | undefined): LoraOptions | undefined {
  if (text === undefined) return undefined
  const [, rank, alpha] = /^(\d+)(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? []
  if (rank !== undefined && Number(rank) > 0) {
    return { rank: Number(rank), ...(alpha === undefined ? {} : { alpha: Number(alpha) }) }
  }
  throw new UsageError(
    'flag-value',
    `--lora: expected a rank such as 8, or rank and alpha such as 8:16, found "${text}".`,
  )
}
