import { readingFields } from '../../data/reading.ts'
import type { FlagFacts } from './facts.ts'

/**
 * What the library says, in the words of a shell: it names its options in brackets, `(labelColumn)`, and here they are flags, `(--label-column)`. Where a verb
 * reads a configuration, the option is a field of that: `(data.columns.label)`.
 */
export function spoken(text: string, facts: readonly FlagFacts[]): string {
  const flags = new Map(
    facts.flatMap((fact) => (fact.form === 'argument' ? [] : [[fact.option, flagOf(fact)]])),
  )
  return text.replaceAll(/\((\w+)\)/g, (whole, option: string) => {
    const field = Object.hasOwn(readingFields, option) ? readingFields[option] : undefined
    // Words of any other kind may stand in brackets, too.
    if (field === undefined) return whole
    return `(${flags.get(option) ?? field})`
  })
}

const flagOf = ({ flag, negative }: FlagFacts): string =>
  negative === undefined ? `--${flag}` : `--no-${flag}`
