import { describe, expect, it } from 'vitest'
import { demoBench } from '../../test/demo-bench.ts'
import type { BenchResult } from '../measure/results.ts'
import { reportHtml } from './page.ts'

const voidElements = new Set(['meta', 'br', 'hr', 'link', 'img'])

/** Names of the elements in order, after checking that every tag closes what it should. */
function elements(page: string): string[] {
  const found: string[] = []
  const open: string[] = []
  const body = page.replace(/<!doctype html>/, '').replace(/<style>[\s\S]*?<\/style>/, '')
  for (const [, close, name = '', attributes = '', selfClosing] of body.matchAll(
    /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z:-]+(?:="[^"<]*")?)*)\s*(\/?)>/gi,
  )) {
    if (close) expect(open.pop(), `</${name}> after ${found.slice(-3).join(', ')}`).toBe(name)
    else {
      found.push(name)
      if (!selfClosing && !voidElements.has(name)) open.push(name)
      const names = attributes
        .replace(/="[^"]*"/g, '')
        .trim()
        .split(/\s+/)
      expect(new Set(names).size, `<${name}${attributes}> repeats an attribute`).toBe(names.length)
    }
  }
  expect(open).toEqual([])
  // Whatever is left once tags are taken out must be text: no stray angle bracket.
  expect(body.replace(/<\/?[a-z][^<>]*>/gi, '')).not.toMatch(/[<>]/)
  return found
}

const variants: readonly [string, BenchResult | BenchResult[]][] = [
  ['three scenarios, three seeds, curves', demoBench()],
  ['one seed, no curves', demoBench({ seeds: 1, curves: false, scenarios: ['class'] })],
  ['one task', demoBench({ tasks: ['all'], scenarios: ['domain'] })],
  [
    'twenty tasks',
    demoBench({ tasks: Array.from({ length: 20 }, (_, n) => `rotation ${n}`), scenarios: ['domain'] }),
  ],
  ['only joint', demoBench({ methods: ['joint'], scenarios: ['task'] })],
  [
    'several benchmarks',
    [demoBench({ scenarios: ['task'] }), demoBench({ synthetic: false, scenarios: ['class'] })],
  ],
]

describe.each(variants)('a page of %s', (_, bench) => {
  const page = reportHtml(bench, { command: 'holdfast bench split-mnist --seeds 1..3' })
  const found = elements(page)

  it('has a table behind every plot and a label on it', () => {
    const figures = page.split('<figure').slice(1)
    expect(figures.length).toBeGreaterThan(0)
    for (const figure of figures) {
      const inside = figure.slice(0, figure.indexOf('</figure>'))
      expect(inside).toMatch(
        /<figcaption>.*<svg [^>]*role="img" aria-label="[^"]{20,}".*<details>.*<table>.*<tbody><tr>/s,
      )
    }
    expect(found.filter((name) => name === 'svg')).toHaveLength(figures.length)
  })

  it('draws only numbers: nothing NaN, undefined or infinite', () => {
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/)
  })

  it('loads nothing and runs nothing', () => {
    expect(page).not.toMatch(/https?:|src=|href=|url\(|@import|<script|<link/)
  })

  it('has one title, in words, and sections below it', () => {
    expect(found.filter((name) => name === 'h1')).toHaveLength(1)
    expect(found.indexOf('h1')).toBeLessThan(found.indexOf('h2'))
    expect(page).toContain('lang="en"')
    expect(page).toContain('width=device-width')
  })
})

it('escapes every name it is given', () => {
  const evil = `<img src=x onerror="alert('1')">&`
  const bench = demoBench({ tasks: [evil, 'b'], methods: ['none', evil], scenarios: ['class'] })
  const page = reportHtml(
    {
      ...bench,
      benchmark: evil,
      dataset: { name: evil, synthetic: true },
      settings: { [evil]: { [evil]: evil } },
      machine: { ...bench.machine, cpu: evil },
    },
    { command: evil, created: evil },
  )
  elements(page)
  expect(page).not.toMatch(/<img|onerror="/)
  expect(page).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;')
})

it('says loudly when the data was generated, and only then', () => {
  expect(reportHtml(demoBench({ synthetic: true }))).toContain('role="note"><strong>Synthetic data</strong>')
  expect(reportHtml(demoBench({ synthetic: false }))).not.toContain('role="note"')
  const second = reportHtml([demoBench({ synthetic: false }), demoBench({ synthetic: true })])
  expect(second.split('role="note"')).toHaveLength(2)
})

it('shows scenarios apart and side by side when there are several', () => {
  const page = reportHtml(demoBench())
  for (const name of ['Task', 'Domain', 'Class']) expect(page).toContain(`<h2>${name}-incremental</h2>`)
  expect(page).toContain('<h2>Average accuracy by scenario</h2>')
  expect(reportHtml(demoBench({ scenarios: ['class'] }))).not.toContain('by scenario')
})

it('names protocol and scenarios of each of several benchmarks', () => {
  const sha256 = '0123456789abcdef'
  const first = { ...demoBench({ scenarios: ['task'] }), protocol: { name: 'one', version: 1, sha256 } }
  const second = { ...demoBench({ scenarios: ['class'] }), protocol: { name: 'two', version: 3, sha256 } }
  const page = reportHtml([first, second])
  expect(page).toContain('<h1>one@1 (0123456789ab), Task-IL: ')
  expect(page).toContain('<article><h2>two@3 (0123456789ab), Class-IL: ')
  expect(reportHtml(first)).not.toContain('Task-IL: ')
})

it('prints the accuracy of every cell of the matrix and the standard error of three seeds', () => {
  const bench = demoBench({ methods: ['replay'], scenarios: ['class'] })
  const page = reportHtml(bench)
  const heat = page.slice(page.indexOf('Accuracy matrix of Replay'))
  expect([...heat.slice(0, heat.indexOf('</svg>')).matchAll(/class="cell/g)]).toHaveLength(25)
  const { mean, sem } = bench.summary[0] ?? { mean: 0, sem: 0 }
  expect(page).toContain(`${(100 * mean).toFixed(1)} ± ${(100 * (sem ?? 0)).toFixed(1)} %`)
})

it('follows the reader’s theme unless told', () => {
  expect(reportHtml(demoBench())).toContain('<html lang="en">')
  expect(reportHtml(demoBench(), { theme: 'dark' })).toContain('<html lang="en" data-theme="dark">')
})

it('refuses a report of nothing', () => {
  expect(() => reportHtml([])).toThrow('at least one result')
  expect(() => reportHtml({ ...demoBench(), results: [] })).toThrow('at least one result')
})
