import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'
import { problemsOf } from '../../data/schema-problems.ts'
import { sortedKeys } from '../../data/sorted-keys.ts'
import { didYouMean, UsageError } from '../../errors.ts'
import { allOptions, createMethod } from '../../methods/registry.ts'
import { planSchema, streamWithoutScenario, type YamlText } from '../../train/plan/index.ts'
import type { Protocol } from './protocol.ts'

const scenario = z.enum(['task', 'domain', 'class'])

const run = planSchema
  .omit({
    ...{ name: true, protocol: true, method: true, seed: true, distil: true },
    ...{ threads: true, device: true, checkpointEvery: true, evaluateEvery: true },
  })
  .extend({ stream: streamWithoutScenario })
  .describe('as in a configuration of holdfast learn, without name, method, scenario and seed')

const options = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
  .describe('of methods; each takes those that it has')

const some = {
  options: options.optional(),
  learningRate: bounds.learningRate().optional(),
  // Without the default that a whole run has.
  optimiser: planSchema.shape.optimiser.unwrap().optional(),
  iterations: bounds.steps().optional(),
  epochs: bounds.epochs().optional(),
  batchSize: bounds.batch().optional(),
}

const methods = z
  .record(z.string(), z.strictObject(some))
  .optional()
  .describe('what a method has instead, by its name')

/** A protocol as its file has it. */
export const protocolSchema = z.strictObject({
  protocol: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/)
    .describe('its name: small letters, digits, dots and dashes'),
  version: z.int().min(1).describe('raised whenever a setting changes'),
  title: z.string().min(1).describe('what people call it'),
  source: z.string().min(1).optional().describe('where it comes from: a paper, say'),
  scenarios: z.array(scenario).min(1).describe('in which it makes sense: task, domain, class'),
  usual: z.array(scenario).min(1).optional().describe('of these, those that run unless others are asked for'),
  classes: bounds
    .rows(2)
    .optional()
    .describe('how many the data have, for --tasks where a stream splits them'),
  run,
  seeded: z
    .array(z.enum(['classOrderSeed', 'groupOrderSeed', 'streamSeed']))
    .default([])
    .describe('settings of the stream that are the run’s seed'),
  options: options.default({}),
  methods,
  in: z
    .partialRecord(scenario, z.strictObject({ ...some, methods }))
    .optional()
    .describe('what is other in a scenario'),
})

/** Words about a protocol, which change nothing that runs. */
export const wordsAlone: ReadonlySet<string> = new Set(['title', 'source'])

interface Reading extends Pick<Protocol, 'place'> {
  /** The file's name, for messages. */
  readonly from: string
  /** Makes the mark of the settings from a text. */
  readonly hash: (text: string) => string
}

/**
 * A protocol from its file's content.
 *
 * @throws UsageError `protocol` naming line and place of each setting that is wrong; `config-syntax` is the reader's.
 */
export function parseProtocol({ value, lineOf }: YamlText, { from, hash, place }: Reading): Protocol {
  const found = protocolSchema.safeParse(value)
  if (!found.success) throw refusal(from, problemsOf(protocolSchema, value, found.error.issues, lineOf))
  const said = found.data
  const at = (place: readonly string[], problem: string) => {
    const line = lineOf(place)
    return `${line === undefined ? '' : `Line ${line}: `}${place.join('.')}: ${problem}`
  }
  const problems = [
    ...(said.usual ?? []).flatMap((each) =>
      said.scenarios.includes(each) ? [] : [at(['usual'], `${each} is not among the scenarios.`)],
    ),
    ...Object.keys(said.in ?? {}).flatMap((each) =>
      said.scenarios.some((known) => known === each)
        ? []
        : [at(['in', each], `${each} is not among the scenarios.`)],
    ),
    ...said.seeded.flatMap((each) =>
      seedsOf[said.run.stream.kind].includes(each)
        ? []
        : [at(['seeded'], `a stream of kind ${said.run.stream.kind} has no ${each}.`)],
    ),
    ...dealingProblems(said, at),
    ...optionProblems(said, at),
  ]
  if (problems.length > 0) throw refusal(from, problems)
  // As written: what is left out has its default when a plan is made.
  const written = value as Omit<Protocol, 'name' | 'usual' | 'sha256'> & typeof said
  const settings = Object.entries(written).filter(([key]) => !wordsAlone.has(key))
  return {
    name: said.protocol,
    version: said.version,
    sha256: hash(JSON.stringify(sortedKeys(Object.fromEntries(settings)))),
    title: said.title,
    source: said.source,
    scenarios: said.scenarios,
    usual: said.usual ?? said.scenarios,
    classes: said.classes,
    run: written.run,
    seeded: said.seeded,
    options: said.options,
    methods: said.methods,
    in: said.in,
    place,
  }
}

const seedsOf: Readonly<Record<z.output<typeof streamWithoutScenario>['kind'], readonly string[]>> = {
  split: ['classOrderSeed', 'groupOrderSeed'],
  permuted: ['streamSeed'],
  rotated: ['streamSeed'],
  list: [],
}

type Said = z.output<typeof protocolSchema>
type At = (place: readonly string[], problem: string) => string

/** Classes that cannot be dealt evenly. */
function dealingProblems({ classes, run: { stream } }: Said, at: At): string[] {
  if (classes === undefined || stream.kind !== 'split' || stream.groups) return []
  const { classesPerTask } = stream
  return classes % classesPerTask === 0
    ? []
    : [
        at(
          ['run', 'stream', 'classesPerTask'],
          `${classes} classes cannot be dealt evenly, ${classesPerTask} to each task.`,
        ),
      ]
}

/** Options that no method has, and values that methods do not take. */
function optionProblems(said: Said, at: At): string[] {
  const ofAny = (place: readonly string[], given: Said['options'] = {}) =>
    Object.entries(given).flatMap(([name, value]) =>
      problemForAll(name, value).map((problem) => at([...place, name], problem)),
    )
  const ofMethods = (place: readonly string[], given: Said['methods'] = {}) =>
    Object.entries(given).flatMap(([method, { options: own = {} }]) => {
      const here = [...place, method]
      const unmade = caught(() => createMethod(method)).map((problem) => at(here, problem))
      if (unmade.length > 0) return unmade
      return Object.entries(own).flatMap(([name, option]) =>
        caught(() => createMethod(method, { [name]: option })).map((problem) =>
          at([...here, 'options', name], problem),
        ),
      )
    })
  return [
    ...ofAny(['options'], said.options),
    ...ofMethods(['methods'], said.methods),
    ...Object.entries(said.in ?? {}).flatMap(([name, inside]) => [
      ...ofAny(['in', name, 'options'], inside?.options),
      ...ofMethods(['in', name, 'methods'], inside?.methods),
    ]),
  ]
}

/** What is wrong with an option that each method takes that has it: of a value that some of them take, nothing. */
function problemForAll(name: string, value: string | number | boolean): string[] {
  const having = allOptions.get(name)?.methods
  if (!having) return [`no method has this option.${didYouMean(name, allOptions.keys())}`]
  const problems = having.map((method) => caught(() => createMethod(method, { [name]: value })))
  return problems.every((each) => each.length > 0) ? (problems[0] ?? []) : []
}

function caught(check: () => void): string[] {
  try {
    check()
    return []
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return [error.message]
  }
}

const refusal = (from: string, problems: readonly string[]): UsageError =>
  new UsageError('protocol', `${from} is not a protocol that can be run. ${problems.join(' ')}`)
