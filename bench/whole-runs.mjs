// Whole Split MNIST runs against the reference implementation: same settings, one core and one thread each, in turn.
//   npm run build && node bench/whole-runs.mjs PATH/TO/continual-learning [class-none domain-ewc class-ewc] [--cpu N] [--iters 2000]
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cpu: { type: 'string' }, iters: { type: 'string', default: '2000' } },
})
const [checkout, ...asked] = positionals
if (!checkout) {
  console.error(
    'usage: node bench/whole-runs.mjs PATH/TO/continual-learning [class-none domain-ewc class-ewc] [--cpu N]',
  )
  process.exit(1)
}
const settings = asked.length > 0 ? asked : ['class-none', 'domain-ewc', 'class-ewc']
const pinned = values.cpu === undefined ? [] : ['taskset', '-c', values.cpu]

for (const setting of settings) {
  const before = ours(setting)
  const theirs = reference(setting)
  const after = ours(setting)
  const seconds = (before.seconds + after.seconds) / 2
  console.log(
    JSON.stringify({
      setting,
      holdfastSeconds: [before.seconds, after.seconds],
      holdfastAccuracy: before.accuracy,
      referenceSeconds: theirs.seconds,
      referenceAccuracy: theirs.accuracy,
      share: seconds / theirs.seconds,
    }),
  )
}

/** The whole process, data loading included. */
function ours(setting) {
  const [scenario, method] = setting.split('-')
  const words = [
    'dist/bin/holdfast.js',
    'bench',
    'split-mnist',
    '--method',
    method,
    '--scenario',
    scenario,
    '--seeds',
    '0',
  ]
  const flags = [
    '--jobs',
    '1',
    '--threads',
    '1',
    '--iterations',
    values.iters,
    '--no-save',
    '--quiet',
    '--json',
  ]
  const began = performance.now()
  const { result, accuracy } = run([...pinned, process.execPath, ...words, ...flags], (out) => {
    const [only] = JSON.parse(out).results
    return { result: only, accuracy: only.averageAccuracy }
  })
  return { seconds: (performance.now() - began) / 1000, accuracy, result }
}

function reference(setting) {
  const cpu = values.cpu === undefined ? [] : ['--cpu', values.cpu]
  const command = [
    process.execPath,
    'bench/reference/van-de-ven.mjs',
    checkout,
    setting,
    '--iters',
    values.iters,
    ...cpu,
  ]
  return run(command, (out) => JSON.parse(out.trim().split('\n').at(-1)))
}

function run([program, ...words], read) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${status}: ${stderr}`)
  return read(stdout)
}
