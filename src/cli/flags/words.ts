import { parseArgs } from 'node:util'
import { didYouMean, UsageError } from '../../errors.ts'
import type { FlagFacts } from './facts.ts'

/** What a command line says, before it is understood. */
export type Said = ReadonlyMap<string, string | boolean | readonly string[]>

/** What messages say of a verb. */
export interface Named {
  readonly name: string
  readonly examples: readonly string[]
}

/**
 * The words behind a verb, by the settings that they are of.
 *
 * @throws UsageError `flag-unknown` with the nearest one, `flag-value` for one without its value or given twice,
 * `argument-extra`.
 */
export function readWords(verb: Named, facts: readonly FlagFacts[], words: readonly string[]): Said {
  const flags = facts.filter(({ form }) => form === 'switch' || form === 'value')
  const options = Object.fromEntries(
    flags.map(({ flag, form, alias }) => [
      flag,
      {
        type: form === 'switch' ? ('boolean' as const) : ('string' as const),
        ...(alias && { short: alias }),
      },
    ]),
  )
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const said = new Map<string, string | boolean>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const [found, value] = saidBy(verb, flags, token)
    if (said.has(found.key) && said.get(found.key) !== value) {
      throw new UsageError('flag-value', `--${found.flag} is given twice: once is enough.`)
    }
    said.set(found.key, value)
  }
  return new Map<string, string | boolean | readonly string[]>([...said, ...placed(verb, facts, positionals)])
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function saidBy(
  verb: Named,
  flags: readonly FlagFacts[],
  { name, rawName, value, inlineValue }: OptionToken,
): [FlagFacts, string | boolean] {
  const found = flags.find(({ flag }) => flag === name && rawName.startsWith('--')) ?? byAlias(flags, rawName)
  if (found?.form === 'switch') {
    if (value === undefined) return [found, true]
    throw new UsageError(
      'flag-value',
      `--${found.flag} is on where it is given, and takes no value, but got "${value}".`,
    )
  }
  if (!found) {
    const denied = flags.find(({ flag, form }) => form === 'switch' && rawName === `--no-${flag}`)
    if (denied && value === undefined) return [denied, false]
    throw unknownFlag(verb, flags, rawName)
  }
  if (value !== undefined && (inlineValue || !/^--[a-z]/.test(value))) return [found, value]
  throw new UsageError(
    'flag-value',
    `--${found.flag} needs a value (${found.hint}), but none was given. ${found.description}.`,
  )
}

const byAlias = (flags: readonly FlagFacts[], rawName: string): FlagFacts | undefined =>
  flags.find(({ alias }) => alias !== undefined && rawName === `-${alias}`)

/** Flags of old, and what says the same now. */
const former: Readonly<Record<string, string>> = {
  '--allow-fallback':
    ' It is a part of the device now: --device webgpu+cpu, or cuda+cpu, leaves to the CPU what the device has no kernel for.',
}

function unknownFlag({ name }: Named, flags: readonly FlagFacts[], rawName: string): UsageError {
  const known = flags.map(({ flag }) => `--${flag}`)
  return new UsageError(
    'flag-unknown',
    `holdfast ${name} has no flag ${rawName}.${former[rawName] ?? didYouMean(rawName, known)} All flags: holdfast ${name} --help`,
  )
}

/** Words without a flag, by the arguments that their places stand for. */
function placed(
  verb: Named,
  facts: readonly FlagFacts[],
  positionals: readonly string[],
): [string, string | readonly string[]][] {
  const named = facts.filter(({ form }) => form === 'argument' || form === 'arguments')
  const entries: [string, string | readonly string[]][] = []
  let next = 0
  for (const { key, form } of named) {
    const rest = positionals.slice(next)
    if (form === 'arguments') {
      if (rest.length > 0) entries.push([key, rest])
      next = positionals.length
    } else if (rest[0] !== undefined) {
      entries.push([key, rest[0]])
      next++
    }
  }
  const extra = positionals[next]
  if (extra === undefined) return entries
  throw new UsageError(
    'argument-extra',
    `holdfast ${verb.name} does not know what to do with "${extra}". For example: ${verb.examples[0]}`,
  )
}
