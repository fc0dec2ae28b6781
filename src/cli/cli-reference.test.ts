import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cliReference } from './cli-reference.ts'
import { openVerbs } from './verbs.ts'

const verbs = await openVerbs()

/** As a shell takes them apart. */
const wordsOf = (line: string): string[] =>
  (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'))

describe('the reference of the command line', () => {
  it('is up to date: node scripts/run.mjs scripts/cli-reference.ts', async () => {
    expect(readFileSync('docs/cli.md', 'utf8')).toBe(await cliReference())
  })
})

describe.each(verbs)('holdfast $name', (verb) => {
  it('says of each flag what it means, under a heading', () => {
    for (const { flag, form, description, group } of verb.facts) {
      expect(description, flag).toMatch(/^[A-Z].*[^.]$|^(mnist|task|list|split|auto)/)
      if (form === 'switch' || form === 'value') expect(group, flag).not.toBe('')
    }
  })

  it('states no default twice', () => {
    for (const { flag, description, otherwise } of verb.facts) {
      if (otherwise !== undefined) expect(description, flag).not.toMatch(/default/i)
    }
  })

  it('has no two flags of one name or letter', () => {
    const names = verb.facts.flatMap(({ flag, alias }) => [flag, ...(alias === undefined ? [] : [alias])])
    expect(new Set(names).size).toBe(names.length)
  })

  // Files that examples name are there only at whoever runs them; what counts here is that their words are understood.
  it.each(verb.examples)('understands its example: %s', (example) => {
    const [program, name, ...words] = wordsOf(example)
    expect([program, name]).toEqual(['holdfast', verb.name])
    expect(() => verb.read(words)).not.toThrow()
  })
})
