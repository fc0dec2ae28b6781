// Runs a TypeScript file of this repository: node scripts/run.mjs bench/steps.ts [arguments]
// Node 20 does not strip types by itself, so the file is bundled first, packages left outside.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { build } from 'esbuild'

const [file, ...rest] = process.argv.slice(2)
if (!file) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(1)
}
mkdirSync('.cache', { recursive: true })
const outfile = `.cache/${basename(file, '.ts')}-${process.pid}.mjs`
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: 'node',
  packages: 'external',
  format: 'esm',
  logLevel: 'warning',
  sourcemap: 'inline',
})
const child = spawn(process.execPath, ['--enable-source-maps', outfile, ...rest], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  rmSync(outfile, { force: true })
  process.exitCode = code ?? (signal ? 1 : 0)
})
