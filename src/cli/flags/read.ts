import type { z } from 'zod'
import { UsageError } from '../../errors.ts'
import type { FlagFacts } from './facts.ts'
import { type Named, readWords } from './words.ts'

/**
 * The settings that the words behind a verb say.
 *
 * @throws UsageError as {@link readWords}; `argument-missing`, `flag-value` for values that are not what their flags take, and
 * for what contradicts itself.
 */
export function readSettings<Value>(
  verb: Named,
  schema: z.ZodType<Value>,
  facts: readonly FlagFacts[],
  words: readonly string[],
): Value {
  const said = readWords(verb, facts, words)
  const missing = facts.find(({ key, required }) => required && !said.has(key))
  if (missing) throw missingFlag(verb, missing)
  const result = schema.safeParse(Object.fromEntries(said))
  if (result.success) return result.data
  const { issues } = result.error
  throw new UsageError(codeOf(issues), [...new Set(issues.map((issue) => sentence(issue, facts)))].join(' '))
}

function missingFlag({ name, examples }: Named, { form, flag, hint, description }: FlagFacts): UsageError {
  const what = form === 'value' ? `--${flag} ${hint}` : hint
  return new UsageError(
    'argument-missing',
    `holdfast ${name} needs ${what}${description && ` (${description})`}. For example: ${examples[0]}`,
  )
}

/** A rule over several settings may bring a code of its own: `refine(rule, { error, params: { code } })`. */
function codeOf([first]: readonly z.core.$ZodIssue[]): string {
  const own = first?.code === 'custom' ? first.params?.code : undefined
  return typeof own === 'string' ? own : 'flag-value'
}

/** Issues of one setting name its flag; those of several say everything themselves. */
function sentence({ path, message }: z.core.$ZodIssue, facts: readonly FlagFacts[]): string {
  const found = facts.find(({ key }) => key === path[0])
  if (!found) return message
  return `${found.form === 'value' ? `--${found.flag}` : found.hint}: ${message}`
}
