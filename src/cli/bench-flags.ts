import type { ArgsDef } from 'citty'
import { UsageError } from '../errors.ts'
import { type MethodOptions, methodOptions, type OptionRule } from '../methods/registry.ts'
import type { ProtocolOverrides } from '../study/protocols/index.ts'
import { choiceOf, type Given, numberOf, wholeOf, wholesOf } from './values.ts'
import { type Call, engineSettings } from './verb.ts'

/** Flags that set options of methods, with the option each one sets. */
export const methodFlags = {
  lambda: 'lambda',
  gamma: 'gamma',
  fisher: 'fisher',
  'fisher-samples': 'fisherSamples',
  'fisher-batch': 'fisherBatch',
  'ewc-step': 'ewcStep',
  'per-class': 'perClass',
  capacity: 'capacity',
  'replay-batch': 'replayBatch',
  temperature: 'temperature',
  'distillation-weight': 'distillationWeight',
} as const

const rules: Readonly<Record<string, OptionRule>> = methodOptions('online-ewc+lwf+replay+reservoir-replay')

const meaning = (option: string): string => {
  const rule = rules[option]
  return `${rule?.meaning ?? option}${rule?.kind === 'choice' ? ` (${rule.choices.join('|')})` : ''}`
}

const hints = { number: 'X', whole: 'N', boolean: 'true|false', choice: 'KIND' } as const
const hint = (option: string): string => hints[rules[option]?.kind ?? 'number']

/** What can be changed in a protocol, as flags. */
export const protocolFlags: ArgsDef = {
  data: { type: 'string', description: 'mnist (default), synthetic, or a path', valueHint: 'NAME' },
  limit: {
    type: 'string',
    description: 'At most so many training and test samples: quick tries',
    valueHint: '600,200',
  },
  tasks: { type: 'string', description: 'Number of tasks', valueHint: 'N' },
  iterations: { type: 'string', description: 'Steps a task', valueHint: 'N' },
  'joint-iterations': { type: 'string', description: 'Steps a task of joint training', valueHint: 'N' },
  batch: { type: 'string', description: 'Rows of new data a step', valueHint: 'N' },
  lr: { type: 'string', description: 'Learning rate', valueHint: 'X' },
  optimiser: { type: 'string', description: 'sgd, adam, adamw or rmsprop', valueHint: 'NAME' },
  momentum: { type: 'string', description: 'Momentum of sgd and rmsprop', valueHint: 'X' },
  hidden: { type: 'string', description: 'Units of the hidden layers', valueHint: '400,400' },
  'evaluate-every': {
    type: 'string',
    description: 'Steps between measurements within a task',
    valueHint: 'N',
  },
  'checkpoint-every': {
    type: 'string',
    description: 'Steps between checkpoints within a task',
    valueHint: 'N',
  },
  ...Object.fromEntries(
    Object.entries(methodFlags).map(([flag, option]) => [
      flag,
      { type: 'string' as const, description: capitalised(meaning(option)), valueHint: hint(option) },
    ]),
  ),
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The flags' values as changes of a protocol. */
export function readOverrides(call: Call): ProtocolOverrides {
  const whole = (flag: string) => wholeOf(flag, call.text(flag), 1)
  const number = (flag: string) => numberOf(flag, call.text(flag))
  return {
    source: call.text('data'),
    limit: limitOf(call.text('limit')),
    tasks: whole('tasks'),
    iterations: whole('iterations'),
    jointIterations: whole('joint-iterations'),
    batchSize: whole('batch'),
    learningRate: numberOf('lr', call.text('lr'), 0),
    hidden: wholesOf('hidden', call.text('hidden'), 1),
    optimiser: choiceOf('optimiser', call.text('optimiser'), ['sgd', 'adam', 'adamw', 'rmsprop']),
    momentum: number('momentum'),
    evaluateEvery: whole('evaluate-every'),
    checkpointEvery: whole('checkpoint-every'),
    ...engineSettings(call),
    options: readMethodOptions(call),
  }
}

function readMethodOptions(call: Call): MethodOptions {
  return Object.fromEntries(
    Object.entries(methodFlags).map(([flag, option]) => [
      option,
      optionOf(flag, call.text(flag), rules[option]),
    ]),
  )
}

function optionOf(flag: string, text: Given, rule: OptionRule | undefined): string | number | undefined {
  if (text === undefined || !rule) return undefined
  if (rule.kind === 'choice') return choiceOf(flag, text, rule.choices)
  return rule.kind === 'whole' ? wholeOf(flag, text, 1) : numberOf(flag, text)
}

/** Two numbers: training and test samples. */
export function limitOf(text: string | undefined): ProtocolOverrides['limit'] {
  const [train, test, ...more] = wholesOf('limit', text, 1) ?? []
  if (train === undefined) return undefined
  if (test !== undefined && more.length === 0) return { train, test }
  throw new UsageError(
    'flag-value',
    `--limit: expected two numbers like 600,200 (training, test), found "${text}".`,
  )
}
