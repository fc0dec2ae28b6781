import { didYouMean, UsageError } from '../errors.ts'
import { compose } from './compose.ts'
import { ewc } from './ewc.ts'
import type { FisherLabels } from './fisher/index.ts'
import { joint } from './joint.ts'
import { lwf } from './lwf.ts'
import type { Json, Method } from './method.ts'
import { none } from './none.ts'
import { replay } from './replay.ts'

/** Options of methods by name, as they stand in a configuration. */
export type MethodOptions = { readonly [option: string]: Json | undefined }

/** What an option may be. */
export type OptionRule =
  | { readonly kind: 'number' | 'whole' | 'boolean'; readonly meaning: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly meaning: string }

/** A method that can be asked for by name. */
export interface MethodEntry {
  readonly name: string
  /** One line for people. */
  readonly summary: string
  readonly options: Readonly<Record<string, OptionRule>>
}

interface Registered {
  readonly summary: string
  readonly options: Readonly<Record<string, OptionRule>>
  readonly create: (options: MethodOptions) => Method
}

const fisherOptions = {
  lambda: { kind: 'number', meaning: 'strength of the penalty, lambda/2 in the loss' },
  fisher: {
    kind: 'choice',
    choices: ['exact', 'sampled', 'true', 'batch'],
    meaning: 'labels that the Fisher is taken over',
  },
  fisherSamples: { kind: 'whole', meaning: 'samples that the Fisher is estimated on' },
  fisherBatch: { kind: 'whole', meaning: 'batch of the Fisher; changes the result for "batch" only' },
  ewcStep: { kind: 'choice', choices: ['explicit', 'proximal'], meaning: 'how the penalty is stepped on' },
} as const satisfies Record<string, OptionRule>

const replayBatch = { kind: 'whole', meaning: 'replayed rows a step' } as const satisfies OptionRule

const createEwc = (online: boolean) => (options: MethodOptions) =>
  ewc({
    online,
    ...pick(options, 'lambda', 'fisher', 'fisherBatch', 'gamma'),
    ...renamed(options, 'fisherSamples', 'samples'),
    ...renamed(options, 'ewcStep', 'step'),
  } as { fisher?: FisherLabels })

const methods: Readonly<Record<string, Registered>> = {
  none: {
    summary: 'plain fine-tuning on the new task: the lower bound',
    options: {},
    create: () => none(),
  },
  joint: {
    summary: 'training on the data of all tasks so far: the upper bound',
    options: {},
    create: () => joint(),
  },
  ewc: {
    summary: 'elastic weight consolidation, one Fisher a task (Kirkpatrick et al. 2017)',
    options: fisherOptions,
    create: createEwc(false),
  },
  'online-ewc': {
    summary: 'EWC with one running Fisher (Schwarz et al. 2018)',
    options: {
      ...fisherOptions,
      gamma: { kind: 'number', meaning: 'what the running Fisher is multiplied by at each task' },
    },
    create: createEwc(true),
  },
  lwf: {
    summary: 'learning without forgetting: the old model is the teacher (Li & Hoiem 2016)',
    options: {
      temperature: { kind: 'number', meaning: 'temperature of the distillation' },
      distillationWeight: { kind: 'number', meaning: 'weight of the distillation beside the loss' },
    },
    create: (options) =>
      lwf({ ...pick(options, 'temperature'), ...renamed(options, 'distillationWeight', 'weight') }),
  },
  replay: {
    summary: 'exemplars of each class, chosen at random at a task’s end, in every batch',
    options: { perClass: { kind: 'whole', meaning: 'exemplars kept a class' }, replayBatch },
    create: (options) =>
      replay({ ...pick(options, 'perClass'), ...renamed(options, 'replayBatch', 'batchSize') }),
  },
  'reservoir-replay': {
    summary: 'one memory for the whole stream, filled online by reservoir sampling',
    options: { capacity: { kind: 'whole', meaning: 'samples in the memory' }, replayBatch },
    create: (options) =>
      replay({
        capacity: typeof options.capacity === 'number' ? options.capacity : 1000,
        ...renamed(options, 'replayBatch', 'batchSize'),
      }),
  },
}

const given = (value: Json | undefined): boolean => value !== undefined && value !== null

const pick = (options: MethodOptions, ...names: readonly string[]): Record<string, never> =>
  Object.fromEntries(
    names.flatMap((name) => (given(options[name]) ? [[name, options[name]]] : [])),
  ) as Record<string, never>

const renamed = (options: MethodOptions, from: string, to: string): Record<string, never> =>
  (given(options[from]) ? { [to]: options[from] } : {}) as Record<string, never>

/** All methods known by name. */
export const methodEntries: readonly MethodEntry[] = Object.entries(methods).map(
  ([name, { summary, options }]) => ({ name, summary, options }),
)

/**
 * The options that a method, or a composition like `ewc+replay`, can be given.
 *
 * @throws UsageError `method-unknown`, with the nearest name that there is.
 */
export function methodOptions(name: string): Readonly<Record<string, OptionRule>> {
  return Object.assign({}, ...registered(name).map(({ options }) => options))
}

/**
 * A method by its name, or several composed: `ewc+replay`. Parts of a composition take the options that are theirs.
 *
 * @throws UsageError `method-unknown`; `method-option` for an option that none of the parts has, or of the wrong kind; and what the
 * methods themselves throw for values that make no sense.
 * @example
 * const method = createMethod('ewc+replay', { lambda: 100, perClass: 20 })
 */
export function createMethod(name: string, options: MethodOptions = {}): Method {
  const parts = registered(name)
  const rules = methodOptions(name)
  for (const [option, value] of Object.entries(options)) {
    if (given(value)) checkOption(name, option, value ?? null, rules)
  }
  return compose(...parts.map((part) => part.create(pick(options, ...Object.keys(part.options)))))
}

function registered(name: string): Registered[] {
  return name.split('+').map((part) => {
    const found = Object.hasOwn(methods, part) ? methods[part] : undefined
    if (found) return found
    const known = Object.keys(methods)
    throw new UsageError(
      'method-unknown',
      `There is no method "${part}"; known are ${known.join(', ')}, and compositions like ewc+replay.${didYouMean(part, known)}`,
    )
  })
}

function checkOption(
  method: string,
  option: string,
  value: Json,
  rules: Readonly<Record<string, OptionRule>>,
): void {
  const rule = Object.hasOwn(rules, option) ? rules[option] : undefined
  if (!rule) {
    const known = Object.keys(rules)
    const list = known.length > 0 ? `its options are ${known.join(', ')}` : 'it has none'
    throw new UsageError(
      'method-option',
      `Method "${method}" has no option "${option}"; ${list}.${didYouMean(option, known)}`,
    )
  }
  if (fits(rule, value)) return
  const expected = rule.kind === 'choice' ? `one of ${rule.choices.join(', ')}` : expectations[rule.kind]
  throw new UsageError(
    'method-option',
    `Method "${method}", option "${option}" (${rule.meaning}): expected ${expected}, found ${JSON.stringify(value)}.`,
  )
}

const expectations = { number: 'a number', whole: 'a whole number', boolean: 'true or false' } as const

function fits(rule: OptionRule, value: Json): boolean {
  if (rule.kind === 'choice') return typeof value === 'string' && rule.choices.includes(value)
  if (rule.kind === 'boolean') return typeof value === 'boolean'
  return (
    typeof value === 'number' && (rule.kind === 'whole' ? Number.isInteger(value) : Number.isFinite(value))
  )
}
