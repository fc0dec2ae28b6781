import { z } from 'zod'
import { didYouMean } from '../errors.ts'
import { type Described, inWords, meantBy } from './schema-words.ts'

/** The longest that a value is shown; the rest is cut. */
const longest = 60

/** The line of a setting in its file, counted from 1. */
export type LineOf = (place: readonly PropertyKey[]) => number | undefined

/**
 * What is wrong with a configuration or another JSON file, a sentence each: the place, what it is for, what was expected there and what was found.
 *
 * @param lineOf says each place's line, where the file has some
 * @example problemsOf(planSchema, { stream: { kind: 'split', scenario: 'klass' } }, issues)
 * // ['stream.scenario (what is told at test time: …): expected one of task, domain, class, found "klass". Did you mean "class"?']
 */
export function problemsOf(
  schema: z.ZodType,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  lineOf: LineOf = () => undefined,
): string[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described
  const at = (place: readonly PropertyKey[]) => {
    const line = lineOf(place)
    return line === undefined ? '' : `Line ${line}: `
  }
  return issues.flatMap((issue) => {
    const path = issue.path.map(String)
    const [described, found] = [schemaAt(root, value, path), valueAt(value, path)]
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => at([...path, key]) + unknownKey(root, path, key, { described, found }))
    const place = at(path) + (path.join('.') || 'the whole file')
    // What a schema checks by itself it says in words of ours.
    if (issue.code === 'custom') return [`${place}: ${issue.message}`]
    const use = described?.description === undefined ? '' : ` (${described.description})`
    const expected = described ? inWords(described) : issue.message
    const near = described && typeof found === 'string' ? meantBy(found, described, wordsOf(described)) : ''
    return [
      found === undefined
        ? `${place}${use} is missing; expected ${expected}.`
        : `${place}${use}: expected ${expected}, found ${shown(found)}.${near}`,
    ]
  })
}

function unknownKey(
  root: Described,
  path: readonly string[],
  key: string,
  { described, found }: { readonly described: Described | undefined; readonly found: unknown },
): string {
  const own = chosen(described, found)
  const known = Object.keys(own?.properties ?? {})
  if (known.length === 0) known.push(...(own?.propertyNames?.enum?.map(String) ?? []))
  const place = path.length === 0 ? 'At the top' : `In ${path.join('.')}`
  const elsewhere = otherKinds(described, key) ?? otherPlace(root, path, key)
  return `${place} there is no setting "${key}"; known are ${known.join(', ')}.${didYouMean(key, known) || elsewhere}`
}

/** Of settings that come in several kinds, those that have this one. */
function otherKinds(described: Described | undefined, key: string): string | undefined {
  const having = (described ? formsOf(described) : []).filter(({ properties }) => properties?.[key])
  const kinds = having.flatMap(({ properties = {} }) =>
    Object.entries(properties)
      .filter(([, { const: only }]) => only !== undefined)
      .slice(0, 1)
      .map(([name, { const: only }]) => `${name}: ${only}`),
  )
  return kinds.length === 0 ? undefined : ` "${key}" goes with ${kinds.join(', or ')}.`
}

function otherPlace(root: Described, path: readonly string[], key: string): string {
  const home = homesOf(root, key).find((each) => each.join('.') !== path.join('.'))
  return home === undefined ? '' : ` "${key}" stands in ${home.join('.')}.`
}

/** The settings in which a setting of that name stands, those at the top left out. */
const homesOf = ({ properties = {}, anyOf, oneOf }: Described, key: string): string[][] => [
  ...Object.entries(properties).flatMap(([name, inner]) => [
    ...(formsOf(inner).some((form) => form.properties?.[key] !== undefined) ? [[name]] : []),
    ...homesOf(inner, key).map((home) => [name, ...home]),
  ]),
  ...(anyOf ?? oneOf ?? []).flatMap((form) => homesOf(form, key)),
]

const formsOf = (described: Described): readonly Described[] =>
  described.anyOf ?? described.oneOf ?? [described]

/** The words that a value may be, for the nearest one. */
const wordsOf = ({ enum: words = [], const: only, anyOf, oneOf }: Described): string[] => [
  ...[...words, only].filter((word) => typeof word === 'string'),
  ...(anyOf ?? oneOf ?? []).flatMap(wordsOf),
]

/** What the schema says of a place; of settings that come in several kinds, the kind that is given counts. */
function schemaAt(root: Described, value: unknown, path: readonly string[]): Described | undefined {
  let described: Described | undefined = root
  let found = value
  for (const key of path) {
    const kinds: readonly Described[] | undefined = described?.oneOf ?? described?.anyOf
    const own = chosen(described, found)
    described =
      own?.properties?.[key] ??
      (typeof own?.additionalProperties === 'object' ? own.additionalProperties : undefined) ??
      own?.items ??
      // What tells the kinds apart is any of their words.
      (kinds && { oneOf: kinds.flatMap(({ properties }) => properties?.[key] ?? []) })
    found = valueAt(found, [key])
  }
  return described?.oneOf?.every(({ const: only }) => only !== undefined)
    ? { enum: described.oneOf.map(({ const: only }) => only) }
    : described
}

/** Of several forms, the one whose kind or name is that of the value, else the only one that has settings or entries. */
function chosen(described: Described | undefined, value: unknown): Described | undefined {
  const forms = described?.oneOf ?? described?.anyOf
  if (!forms) return described
  const told = forms.filter(({ properties = {} }) =>
    Object.entries(properties).some(
      ([key, { const: only }]) => only !== undefined && valueAt(value, [key]) === only,
    ),
  )
  const structured = forms.filter(({ type }) => type === 'object' || type === 'array')
  return told[0] ?? (structured.length === 1 ? structured[0] : undefined)
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[key]
  }
  return found
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
