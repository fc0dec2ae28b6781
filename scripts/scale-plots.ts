// Draws docs/images/scale.svg from the tables of docs/performance.md, "How much one machine does": node scripts/run.mjs scripts/scale-plots.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { html, type Markup } from '../src/report/figures/markup.ts'
import { linear } from '../src/report/figures/scale.ts'
import { itemAt } from '../src/required.ts'

interface Panel {
  readonly title: string
  /** The first column of its table, which x counts. */
  readonly x: string
  readonly y: string
  readonly lines: readonly { readonly column: string; readonly name: string }[]
}

const panels: readonly Panel[] = [
  {
    ...{ title: 'A step, by parameters', x: 'parameters', y: 'ms' },
    lines: [
      { column: 'wall ms, 1 thread', name: '1 thread' },
      { column: '2 threads', name: '2 threads' },
    ],
  },
  {
    ...{ title: 'GFLOP/s, by batch (1e6 parameters)', x: 'batch', y: 'GFLOP/s' },
    lines: [{ column: 'GFLOP/s', name: '1 thread' }],
  },
  {
    ...{ title: 'Reading a table, by rows', x: 'rows', y: 's, MiB' },
    lines: [
      { column: 'read, s', name: 'seconds' },
      { column: 'peak MiB', name: 'peak MiB' },
    ],
  },
]

const section = readFileSync('docs/performance.md', 'utf8').split('## How much one machine does')[1] ?? ''
const size = { width: 320, height: 230 }
const plot = { left: 48, right: 300, top: 34, bottom: 190 }
const colours = ['#1b6ca8', '#c2571a']

function drawn(): Markup {
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width * panels.length} ${size.height}" font-family="sans-serif" font-size="11"><title>What one machine does: a step by parameters, GFLOP/s by batch, reading a table by rows</title><rect width="100%" height="100%" fill="#fff"/>${panels.map(
    (panel, at) => html`<g transform="translate(${at * size.width} 0)">${panelOf(panel)}</g>`,
  )}</svg>`
}

/** Both axes by powers of ten. */
function panelOf({ title, x: unit, y: measure, lines }: Panel): Markup {
  const all = lines.map(({ column }) => columnOf(unit, column))
  const [from, to] = decades(all.flat().map(([x]) => x))
  const [low, high] = decades(all.flat().map(([, y]) => y))
  const x = (value: number): number => linear(from, to, plot.left, plot.right)(Math.log10(value))
  const y = (value: number): number => linear(low, high, plot.bottom, plot.top)(Math.log10(value))
  const ticks = (start: number, end: number) =>
    Array.from({ length: end - start + 1 }, (_, at) => 10 ** (start + at))
  return html`<text x="${plot.left}" y="16" font-weight="bold">${title}</text>${ticks(low, high).map(
    (value) =>
      html`<line x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/><text x="${plot.left - 5}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`,
  )}${ticks(from, to).map(
    (value) =>
      html`<text x="${x(value)}" y="${plot.bottom + 15}" text-anchor="middle">${short(value)}</text>`,
  )}<text x="${(plot.left + plot.right) / 2}" y="${size.height - 8}" text-anchor="middle">${unit} → ${measure}</text>${all.map(
    (points, at) => {
      const colour = itemAt(colours, at, 'colour')
      return html`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([a, b]) => `${x(a)},${y(b)}`).join(' ')}"/>${points.map(
        ([a, b]) => html`<circle cx="${x(a)}" cy="${y(b)}" r="3" fill="${colour}"/>`,
      )}<text x="${plot.left + 8}" y="${plot.top + 12 + 14 * at}" fill="${colour}">${itemAt(lines, at, 'line').name}</text>`
    },
  )}`
}

/** A column of the table whose first one is called so. */
function columnOf(first: string, column: string): [number, number][] {
  const lines = section.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${first} |`))
  const place = cells(lines[head]).indexOf(column)
  if (head < 0 || place < 0)
    throw new Error(`docs/performance.md has no table of "${first}" with "${column}".`)
  const rows = lines.slice(head + 2)
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => {
      const numbers = cells(line).map((cell) => Number(cell.replaceAll(',', '')))
      return [itemAt(numbers, 0, 'cell'), itemAt(numbers, place, 'cell')]
    })
}

const cells = (line = ''): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const decades = (values: readonly number[]): [number, number] => [
  Math.floor(Math.log10(Math.min(...values))),
  Math.ceil(Math.log10(Math.max(...values))),
]

const short = (value: number): string =>
  value >= 1e4 ? `1e${Math.round(Math.log10(value))}` : String(Number(value.toPrecision(3)))

writeFileSync('docs/images/scale.svg', `${drawn().markup}\n`)
