import { styleText } from 'node:util'
import type { FlagFacts } from './facts.ts'
import type { Named } from './words.ts'

/** What help is made of. */
export interface Helped extends Named {
  readonly summary: string
  readonly facts: readonly FlagFacts[]
}

/** How help is drawn. */
export interface HelpStyle {
  readonly colour: boolean
  /** Columns. */
  readonly width: number
}

/** `holdfast update MODEL --new DIR [flags]`. */
export function usageOf({ name, facts }: Helped): string {
  const words = facts.flatMap(({ form, flag, hint, required }) => {
    if (form === 'argument') return required ? hint : `[${hint}]`
    if (form === 'arguments') return required ? `${hint} …` : `[${hint} …]`
    return required ? `--${flag} ${hint}` : []
  })
  return ['holdfast', name, ...words, '[flags]'].join(' ')
}

/** As it is typed: `-o, --out FILE.onnx`, or `MODEL` of an argument. */
export function spelled({ form, flag, alias, hint, negative }: FlagFacts): string {
  if (form === 'argument') return hint
  if (form === 'arguments') return `${hint} …`
  const short = alias === undefined ? '' : `-${alias}, `
  if (form === 'value') return `${short}--${flag} ${hint}`
  return negative === undefined ? `${short}--${flag}` : `--no-${flag}`
}

/** What it means, with what holds without it. */
export function explained({ description, otherwise, negative, required }: FlagFacts): string {
  const text = negative ?? description
  if (otherwise !== undefined) return `${text} (default ${otherwise})`
  return required && negative === undefined ? `${text} (needed)` : text
}

/** Flags under their headings, in the order in which these first come. */
export function groupsOf(facts: readonly FlagFacts[]): [string, FlagFacts[]][] {
  const groups = new Map<string, FlagFacts[]>()
  for (const fact of facts) {
    const heading = fact.form === 'argument' || fact.form === 'arguments' ? 'Arguments' : fact.group
    groups.set(heading, [...(groups.get(heading) ?? []), fact])
  }
  return [...groups]
}

/** A verb's help. */
export function helpText(verb: Helped, { colour, width }: HelpStyle): string {
  const heading = (text: string) => (colour ? styleText('bold', text.toUpperCase()) : text.toUpperCase())
  const name = (text: string) => (colour ? styleText('cyan', text) : text)
  const longest = Math.max(...verb.facts.map((fact) => spelled(fact).length))
  const column = Math.min(longest, WIDEST_NAME) + 4
  const line = (fact: FlagFacts): string[] => {
    const spelling = spelled(fact)
    const [first = '', ...others] = wrapped(explained(fact), width - column)
    const indent = ' '.repeat(column)
    const beside = spelling.length + 4 <= column
    return [
      ...(beside ? [] : [`  ${name(spelling)}`]),
      `${beside ? `  ${name(spelling)}${' '.repeat(column - 2 - spelling.length)}` : indent}${first}`,
      ...others.map((text) => indent + text),
    ]
  }
  return [
    verb.summary,
    '',
    `${heading('usage')}  ${usageOf(verb)}`,
    ...groupsOf(verb.facts).flatMap(([group, facts]) => ['', heading(group), ...facts.flatMap(line)]),
    '',
    heading('examples'),
    ...verb.examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}

const WIDEST_NAME = 26

/** A text in lines of at most `width` columns. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length + 1 <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
