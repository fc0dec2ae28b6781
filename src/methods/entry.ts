import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { type Described, inWords } from '../data/schema-words.ts'
import { didYouMean, UsageError } from '../errors.ts'
import { itemAt, required } from '../required.ts'
import type { Json, Method, Past } from './method.ts'
import type { SearchRange } from './search.ts'

/**
 * What `update` makes of an option, unless it is given. It trains several times, each time holding the old harder:
 * - `penalty`: the strength of a penalty on weights; ten times as much in each trial as in the one before
 * - `distillation`: the weight of old answers; multiplied as the trial says
 * - `memory`: how many old rows are kept: all that there are
 * - `batch`: old rows a step, as the trial says
 * - `share`: the new rows' share of the loss, as the trial says
 * - `step`: how a penalty is stepped on: the one that stays stable however strong it is
 */
export type UpdateRole = 'penalty' | 'distillation' | 'memory' | 'batch' | 'share' | 'step'

/** An option's role in updates, for its schema: `z.number().meta(inUpdates('penalty'))`. */
export const inUpdates = (role: UpdateRole): { readonly update: UpdateRole } => ({ update: role })

/** A method that can be asked for by name. This is all there is to say of it: flags, configuration and docs follow. */
export interface MethodEntry<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** One line for people, with its source. */
  readonly summary: string
  /** For the table in the docs: whether it needs old data, what it keeps, what it helps with. */
  readonly needs: string
  readonly keeps: string
  readonly helps: string
  /** As the method says. */
  readonly past: Past
  /** Whether what it holds are a model's answers. Default false. */
  readonly teaches?: boolean | undefined
  /** Whether it learns from rows without labels, where there are some. Default false. */
  readonly unlabelled?: boolean | undefined
  /** What it does to a first task that nothing comes before, ends the sentence "NAME only …". Default nothing. */
  readonly alone?: string | undefined
  /** Whether it trains on all old rows that there are, not on some. Default false. */
  readonly everything?: boolean | undefined
  /** A strict object; each option with `describe`, and where it has one a default. */
  readonly options: Options
  readonly create: (options: z.output<Options>) => Method
}

/** @example export const l2spEntry = methodEntry({ name: 'l2-sp', …, options, create: l2sp }) */
export function methodEntry<Options extends z.ZodObject>(
  entry: Omit<MethodEntry<Options>, 'past'>,
): MethodEntry {
  const { past = 'nothing' } = entry.create(entry.options.parse({}))
  return { ...(entry as unknown as MethodEntry), past }
}

/** An option as flags and docs need it. */
export interface OptionRule {
  readonly kind: 'number' | 'whole' | 'boolean' | 'choice'
  /** Where it is a choice. */
  readonly choices: readonly string[]
  readonly meaning: string
  /** What it takes, in words that end the sentence "expected …". */
  readonly expected: string
  readonly default: Json | undefined
  readonly role: UpdateRole | undefined
  /** Where tunings look for it; undefined: it stays as it is. */
  readonly search: SearchRange | undefined
}

/** Whether a method is a penalty on weights, and has nothing else to keep the old by. */
export const holdsWeights = ({ options }: Pick<MethodEntry, 'options'>): boolean =>
  Object.values(optionRules(options)).some(({ role }) => role === 'penalty')

/** What a schema says of its options, by name. */
export function optionRules(options: z.ZodObject): Readonly<Record<string, OptionRule>> {
  const { properties = {} } = z.toJSONSchema(options, { io: 'input' })
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, ruleOf(name, schema)]))
}

const kinds = { number: 'number', integer: 'whole', boolean: 'boolean', string: 'choice' } as const

function ruleOf(name: string, schema: z.core.JSONSchema._JSONSchema): OptionRule {
  const {
    type,
    enum: choices = [],
    description,
    default: usual,
    update,
    search,
  } = schema as Record<string, unknown> & z.core.JSONSchema.JSONSchema
  const kind = kinds[type as keyof typeof kinds]
  if (!kind || (kind === 'choice' && choices.length === 0) || description === undefined) {
    throw new UsageError(
      'method-option-schema',
      `The option "${name}" is to be a number, a whole number, a boolean or an enum, and to be described; its schema is ${JSON.stringify(schema)}.`,
    )
  }
  return {
    kind,
    choices: choices.map(String),
    meaning: description,
    expected: inWords(schema as Described),
    default: usual as Json | undefined,
    role: update as UpdateRole | undefined,
    search: search as SearchRange | undefined,
  }
}

/**
 * Options of a method, checked, with their defaults.
 *
 * @throws UsageError `method-option` naming the method, the option, what was expected and what was found.
 */
export function settle<Options extends z.ZodObject>(
  name: string,
  options: Options,
  given: z.input<Options>,
): z.output<Options> {
  const asked = Object.fromEntries(Object.entries(given).filter(([, value]) => isGiven(value as Json)))
  const rules = optionRules(options)
  for (const [option, value] of Object.entries(asked)) checkOption(name, option, value as Json, rules)
  const result = options.safeParse(asked)
  if (result.success) return result.data
  const option = String(itemAt(result.error.issues, 0, 'issue').path[0])
  throw refused(name, option, itemOf(rules, option), (asked[option] ?? null) as Json)
}

/** In a configuration, null is as good as left out. */
export const isGiven = (value: Json | undefined): boolean => value !== undefined && value !== null

/** @throws UsageError `method-option` for an option that there is not, or a value of another kind. */
export function checkOption(
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
  throw refused(method, option, rule, value)
}

function fits(rule: OptionRule, value: Json): boolean {
  if (rule.kind === 'choice') return typeof value === 'string' && rule.choices.includes(value)
  if (rule.kind === 'boolean') return typeof value === 'boolean'
  return (
    typeof value === 'number' &&
    (rule.kind === 'whole' ? bounds.rows(0) : bounds.number()).safeParse(value).success
  )
}

const refused = (method: string, option: string, rule: OptionRule, value: Json): UsageError =>
  new UsageError(
    'method-option',
    `Method "${method}", option "${option}" (${rule.meaning}): expected ${rule.expected}, found ${JSON.stringify(value)}.`,
  )

const itemOf = (rules: Readonly<Record<string, OptionRule>>, option: string): OptionRule =>
  required(new Map(Object.entries(rules)), option, 'option')
