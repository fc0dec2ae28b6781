// Makes the command line of a few files, dist/bin, of the many in dist/cli: loading hundreds of small modules takes longer than most of what a
// command does before it computes. Verbs stay apart, so that each loads what it needs. Packages that bring native code or are looked up as files stay
// outside; those put inside have their licences in dist/bin/LICENSES.txt.
//   node scripts/bundle.mjs      after tsc
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const outdir = 'dist/bin'
/** Native, optional, or with files that are found by name. */
const external = [
  'onnxruntime-node',
  'sharp',
  'bullmq',
  'ioredis',
  '@cornerstonejs/*',
  '@cwasm/*',
  'hyparquet-compressors',
  'holdfast/package.json',
]

rmSync(outdir, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: { holdfast: 'dist/cli/main.js' },
  outdir,
  // src/cli/engine.ts and src/train/folders/versions-files.ts know these names.
  chunkNames: 'chunk-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external,
  // Packages that are not ES modules ask for Node's own by `require`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
})

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? []
    return name ? [name] : []
  }),
)
const licences = [...packages].sort().map((name) => {
  const folder = join('node_modules', name)
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : ''
  return `${name} ${version}, ${license}\n\n${text}\n`
})
writeFileSync(join(outdir, 'LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))
