import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PredictionSet } from '../data/formats/predictions.ts'
import { flipRecords, gate } from '../update/gate/index.ts'
import { gateJunit } from './gate-junit.ts'
import { gateMarkdown } from './gate-markdown.ts'
import { gateText } from './gate-text.ts'

/** Everything but what XML 1.0 has a place for: #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]. */
const outsideXml = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u
/** What moves a terminal's cursor, or turns the direction in which a page is read. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unseen = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/

/** A gate on classes, ids, slices and a file of such a name. */
function hostile(name: string) {
  const set = (file: string, wrong: number): PredictionSet => ({
    name: file + name,
    predictions: Array.from({ length: 60 }, (_, n) => ({
      id: `${n}${name}`,
      label: n % 2 ? 'b' : `a${name}`,
      pred: n % 2 || n < wrong ? 'b' : `a${name}`,
      slices: [`s${name}`],
    })),
  })
  const [old, renewed] = [set('old', 0), set('new', 30)]
  const result = gate(old, renewed, { maxDrop: 0.05, maxDropPerClass: 0.05, maxDropPerSlice: 0.05 })
  const flips = flipRecords(old, renewed)
  return { xml: gateJunit(result), markdown: gateMarkdown(result, flips), text: gateText(result) }
}

/** Markup outside quotes and text without markup: every tag closed, every attribute quoted, every & an entity. */
function expectWellFormed(xml: string): void {
  expect(xml).not.toMatch(outsideXml)
  const open: string[] = []
  const rest = xml.replace(
    /<\?xml[^>]*\?>|<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g,
    (_, close?: string, tag = '', __ = '', empty?: string) => {
      if (close) expect(open.pop()).toBe(tag)
      else if (tag && !empty) open.push(tag)
      return ''
    },
  )
  expect(open).toEqual([])
  expect(rest).not.toMatch(/[<>]/)
  expect(xml.replace(/&(amp|lt|gt|quot|#39|#9|#10);/g, '')).not.toContain('&')
}

const names = [
  '\uFFFE',
  '\u0000',
  '\u001B[31m',
  '\u202Egpj.exe',
  '\uD800',
  '\u{1FFFF}',
  '\u009B2J',
  '\r',
  '\uFEFF',
  '\u2028',
  ']]>',
  '\u007F',
]

describe('names from strangers', () => {
  it.each(names)('%j leaves JUnit well-formed XML, and is seen', (name) => {
    const { xml } = hostile(name)
    expectWellFormed(xml)
    expect(xml).not.toMatch(unseen)
  })
  it.each(names)('%j neither steers a terminal nor hides in Markdown', (name) => {
    const { markdown, text } = hostile(name)
    expect(markdown).not.toMatch(unseen)
    expect(text).not.toMatch(unseen)
  })
  it('shows what it does not pass on, so that names stay apart', () => {
    const { xml, markdown, text } = hostile('\u202E')
    for (const page of [xml, text]) expect(page).toContain('a\\u202E')
    expect(markdown).toContain('a\\\\u202E')
  })
  it('does not let a name become an entity, a link or code in Markdown', () => {
    const { markdown } = hostile('&#8238;`~~x~~')
    const outsideCode = markdown.replace(/^Baseline .*$/m, '')
    expect(outsideCode).not.toMatch(/(?<!\\)&#8238;/)
    expect(outsideCode).not.toMatch(/(?<!\\)~~/)
    expect(markdown).toContain('Baseline ``old&#8238;`~~x~~``')
  })
  it('holds for any text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), (name) => {
        const { xml, markdown, text } = hostile(`x${name}x`)
        expectWellFormed(xml)
        for (const page of [xml, markdown, text]) expect(page).not.toMatch(unseen)
      }),
      { numRuns: 200 },
    ))
})
