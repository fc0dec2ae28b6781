import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import {
  allOptions,
  type MethodOptions,
  methodEntries,
  type OptionRule,
  optionRules,
} from '../methods/registry.ts'
import { capitalised, fromText, group } from './flags/index.ts'

/** Options of all registered methods, by their names there. */
export const methodFlags = group(
  'Methods',
  Object.fromEntries(
    [...allOptions].map(([option, rule]) => [
      option,
      fromText(schemaOf(rule))
        .optional()
        .meta({ description: meaningsOf(option) }),
    ]),
  ),
)

/** What an option means, for each of the methods that have it: they may mean different things by it. */
function meaningsOf(option: string): string {
  const methods = new Map<string, string[]>()
  for (const { name, options } of methodEntries) {
    const meaning = optionRules(options)[option]?.meaning
    if (meaning !== undefined) methods.set(meaning, [...(methods.get(meaning) ?? []), name])
  }
  return [...methods].map(([meaning, names]) => `${capitalised(meaning)} (${names.join(', ')})`).join('. ')
}

function schemaOf(rule: OptionRule) {
  if (rule.kind === 'choice') return z.enum(rule.choices)
  if (rule.kind === 'boolean') return z.enum(['true', 'false'])
  return rule.kind === 'whole' ? bounds.rows() : bounds.number()
}

/** The options of methods among the settings; which there are is known when the program runs. */
export function methodOptionsOf(asked: Readonly<Record<string, unknown>>): MethodOptions {
  return Object.fromEntries(
    [...allOptions].map(([option, { kind }]) => {
      const value = asked[option]
      return [option, kind === 'boolean' && value !== undefined ? value === 'true' : value]
    }),
  ) as MethodOptions
}
