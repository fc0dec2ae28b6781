import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { adviseMethods, type Situation } from './advise-methods.ts'
import { type Evidence, measured } from './evidence.ts'
import { methodParts } from './registry.ts'

const documents = new Map<string, string>()
function documentOf(source: string): string {
  const [path = ''] = source.split('#')
  const text = documents.get(path) ?? readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  documents.set(path, text)
  return text
}

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')

/** The text below a heading, up to the next. */
function section(source: string): string {
  const [, anchor] = source.split('#')
  const parts = documentOf(source).split(/^#+ /m)
  const found = parts.find((part) => anchorOf(part.split('\n')[0] ?? '') === anchor)
  if (found === undefined) throw new Error(`${source}: there is no such heading`)
  return found
}

const all: readonly Evidence[] = Object.values(measured).flatMap((group) => Object.values(group))

describe('what is cited', () => {
  for (const { of, result, source } of all) {
    it(`stands in ${source}: ${of}, ${result}`, () => {
      const rows = section(source)
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .map((line) => line.split('|').map((cell) => cell.trim()))
      expect(rows.some((cells) => cells[1] === of && cells.includes(result))).toBe(true)
    })
  }
})

const situations: Situation[] = (['classifier', 'language'] as const).flatMap((model) =>
  (['all', 'some', 'sums', 'none'] as const).flatMap((old) =>
    (['told', 'untold'] as const).flatMap((tasks) =>
      (['new', 'same'] as const).map((classes) => ({ model, old, tasks, classes })),
    ),
  ),
)

describe('every situation', () => {
  for (const situation of situations) {
    it(`${JSON.stringify(situation)} has an answer of methods that there are`, () => {
      const { ranked, against } = adviseMethods(situation)
      expect(ranked.length).toBeGreaterThan(0)
      for (const { method } of ranked) expect(() => methodParts(method)).not.toThrow()
      const refused = against.map(({ method }) => method)
      expect(ranked.filter(({ method }) => refused.includes(method))).toEqual([])
      // No figure speaks for what stands lower: by the first one of each, of one table, the order is that of the results.
      const results = ranked.flatMap(({ evidence: [first] }) => (first ? [first] : []))
      for (const [at, { figure, result }] of results.entries())
        for (const lower of results.slice(at + 1))
          if (lower.figure === figure && lower.of !== 'joint')
            expect(Number.parseFloat(result)).toBeGreaterThanOrEqual(Number.parseFloat(lower.result))
    })
  }
})
