// Exports that only tests use, or nobody, the public ones included. knip takes every name that a public index hands on for used;
// here such a name has to be used by another file of src, or to be documented: by a page of docs, a README or an example, or by a
// docstring with an @example.
//   node scripts/unused.mjs
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const read = (path) => readFileSync(path, 'utf8')
const within = (folder, ending) =>
  readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending))

const isDoor = (path) => /(^|\/)(index|index-files|browser)\.ts$/.test(path)
const sources = new Map(
  within('src', '.ts')
    .filter((path) => !path.endsWith('.test.ts') && !isDoor(path))
    .map((path) => [path, read(path)]),
)
const code = new Map(
  [...sources].map(([path, text]) => [path, text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*/g, '')]),
)
const pages = [
  'README.md',
  ...within('docs', '.md'),
  ...within('examples', '.ts'),
  ...within('examples', '.md'),
]
  .map(read)
  .join('\n')

const word = (name) => new RegExp(`\\b${name}\\b`)
const declared = (name) =>
  new RegExp(`^export (?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`, 'm')

/** What a door calls otherwise: `summarise as summariseUpdate`. */
const doors = within('src', '.ts').filter(isDoor).map(read).join('\n')
const ownName = (name) => new RegExp(`\\b(\\w+) as ${name}\\b`).exec(doors)?.[1] ?? name

function isDocumented(name) {
  if (word(name).test(pages)) return true
  return [...sources.values()].some((text) => {
    const at = text.search(declared(ownName(name)))
    const before = at < 0 ? '' : text.slice(0, at).trimEnd()
    return before.endsWith('*/') && before.slice(before.lastIndexOf('/**')).includes('@example')
  })
}

/** Whether a file other than the one that declares it uses a name. Types are also used by what they are a part of. */
const isUsed = (name) =>
  [...code.values()].some((text) => {
    const own = ownName(name)
    if (!declared(own).test(text)) return word(own).test(text)
    const isType = new RegExp(`^export (?:interface|type) ${own}\\b`, 'm').test(text)
    return isType && (text.match(new RegExp(`\\b${own}\\b`, 'g')) ?? []).length > 1
  })

const knip = spawnSync('npx', ['knip', '--config=knip.production.json', '--reporter', 'json'], {
  encoding: 'utf8',
})
if (!knip.stdout.trim()) throw new Error(`knip gave no report: ${knip.stderr}`)
const found = JSON.parse(knip.stdout).issues.flatMap(({ file, exports = [], types = [] }) =>
  [...exports, ...types].map(({ name, line }) => ({ file, name, line })),
)
const unused = found.filter(({ file, name }) => !((isDoor(file) && isUsed(name)) || isDocumented(name)))
for (const { file, name, line } of unused) {
  console.log(
    `${file}:${line} ${name}: used by no other file of src, and documented nowhere. Delete it, or document it.`,
  )
}
process.exitCode = unused.length > 0 ? 1 : 0
