// Writes what docs say of methods from the registry: node scripts/run.mjs scripts/methods-table.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { flagName } from '../src/cli/flags/index.ts'
import { methodEntries, optionRules } from '../src/methods/registry.ts'
import type { SearchRange } from '../src/methods/search.ts'

/** A range in words. */
const rangeInWords = (range: SearchRange): string =>
  'among' in range ? range.among.join(', ') : `${range.from} to ${range.to}`

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const link = (name: string): string => `[${name}](#${name.replaceAll('+', '')})`

const overview = [
  row(['method', '', 'needs old data', 'keeps', 'helps with']),
  '|---|---|---|---|---|',
  ...methodEntries.map(({ name, summary, needs, keeps, helps }) =>
    row([link(name), summary, needs, keeps, helps]),
  ),
  row(['[compositions](#compositions)', 'several as one', 'as their parts', 'as their parts', '']),
].join('\n')

const options = [
  row(['method', 'option', 'flag', 'default', 'tuned over', 'meaning']),
  '|---|---|---|---|---|---|',
  ...methodEntries.flatMap(({ name, options: schema }) =>
    Object.entries(optionRules(schema)).map(([option, rule]) =>
      row([
        name,
        `\`${option}\``,
        `\`--${flagName(option)}\``,
        rule.default === undefined ? '' : `\`${rule.default}\``,
        rule.search ? rangeInWords(rule.search) : '',
        `${rule.meaning}${rule.choices.length > 0 ? `: ${rule.choices.join(', ')}` : ''}`,
      ]),
    ),
  ),
].join('\n')

const example = ['```ts', readFileSync('src/methods/l2-sp.ts', 'utf8').trimEnd(), '```'].join('\n')

/** What stands between a page's markers, by page. */
const parts: readonly { readonly page: string; readonly marker: string; readonly text: string }[] = [
  { page: 'docs/methods.md', marker: 'methods', text: overview },
  { page: 'docs/methods.md', marker: 'options', text: options },
  { page: 'CONTRIBUTING.md', marker: 'example', text: example },
]

/** The pages as they should be. */
export function methodPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>()
  for (const { page, marker, text } of parts) {
    const before = pages.get(page) ?? readFileSync(page, 'utf8')
    const between = new RegExp(`(<!-- ${marker}: [^>]*-->\\n)[^]*?(\\n<!-- end -->)`)
    if (!between.test(before)) throw new Error(`${page} has no place for ${marker}.`)
    pages.set(
      page,
      before.replace(between, (_, open: string, close: string) => `${open}\n${text}\n${close}`),
    )
  }
  return pages
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [page, text] of methodPages()) writeFileSync(page, text)
}
