import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { allOptions, type MethodOptions, type OptionRule } from '../methods/registry.ts'
import { capitalised, fromText, group } from './flags/index.ts'

/** Options of all registered methods, by their names there. */
export const methodFlags = group(
  'Methods',
  Object.fromEntries(
    [...allOptions].map(([option, rule]) => [
      option,
      fromText(schemaOf(rule))
        .optional()
        .meta({ description: `${capitalised(rule.meaning)} (${rule.methods.join(', ')})` }),
    ]),
  ),
)

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
