// Models that others trained, the whole way from keep to gate. docs/foreign-models.md has the numbers.
//   npm run build && node bench/foreign/install.mjs
//   node scripts/run.mjs bench/foreign/run.ts [--only ocr,wake,wake-js,text] [--packages DIR] [--work DIR] [--python /usr/bin/python3]
// HOLDFAST_DATA names a folder with clinc150/ for `text`.
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ocrErrand } from './ocr.ts'
import { header, table } from './table.ts'
import { textErrand } from './text.ts'
import { wakeErrand, wakeJsErrand } from './wake.ts'
import { type Errand, walk } from './way.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'ocr,wake,wake-js,text' },
    packages: {
      type: 'string',
      default: process.env.HOLDFAST_FOREIGN ?? join(homedir(), '.cache', 'holdfast-foreign'),
    },
    work: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
if (!existsSync(join(values.packages, 'node_modules')))
  throw new Error(`${values.packages} has no packages: node bench/foreign/install.mjs ${values.packages}`)
if (!existsSync('dist/cli/main.js')) throw new Error('The command line is not built: npm run build')

const work = values.work ?? (await mkdtemp(join(tmpdir(), 'holdfast-foreign-')))
const errands: Readonly<Record<string, (folder: string) => Promise<Errand>>> = {
  wake: (folder) => wakeErrand(values.packages, folder),
  'wake-js': (folder) => wakeJsErrand(values.packages, folder),
  text: (folder) => textErrand(values.python, folder),
  ocr: (folder) => ocrErrand(values.packages, folder),
}
console.log(header)
for (const name of values.only.split(',')) {
  const make = errands[name]
  if (!make) throw new Error(`There is no "${name}": ${Object.keys(errands).join(', ')}.`)
  const errand = await make(join(work, name))
  const ends = await walk(errand, join(work, name, 'way'))
  console.log(table(errand, ends))
}
