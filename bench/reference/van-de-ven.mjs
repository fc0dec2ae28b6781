#!/usr/bin/env node
/**
 * Runs Split MNIST with a checkout of GMvandeVen/continual-learning, at the settings of the protocol, on one thread,
 * and prints one JSON line a setting: {setting, seconds, trainSeconds, accuracy, ...}. The checkout is not changed.
 *
 *   node bench/reference/van-de-ven.mjs CHECKOUT class-none domain-ewc class-ewc
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'

const SCENARIOS = ['task', 'domain', 'class']
const METHODS = {
  none: [],
  joint: ['--joint'],
  // Without --fisher-n all samples of the task are used, one backward pass a sample and class.
  ewc: ['--ewc', '--fisher-labels=all', '--fisher-batch=1'],
  lwf: ['--lwf', '--temp=2'],
  replay: ['--replay=buffer', '--budget=100', '--sample-selection=random'],
}
const EWC_LAMBDA = { task: 1e5, domain: 1e10, class: 1e9 }
const MNIST = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
]

/** Packages that the checkout imports but a run without plots does not need: the least that lets the import pass. */
const STUBS = {
  tqdm: {
    'tqdm.py': `class tqdm:
    def __init__(self, iterable=None, **options):
        self.iterable = iterable

    def __iter__(self):
        return iter(self.iterable)

    def update(self, count=1):
        pass

    def set_description(self, text=None, refresh=True):
        pass

    def close(self):
        pass
`,
  },
  matplotlib: {
    'matplotlib/__init__.py': 'def use(backend):\n    pass\n',
    'matplotlib/pyplot.py': '',
    'matplotlib/backends/__init__.py': '',
    'matplotlib/backends/backend_pdf.py': 'PdfPages = None\n',
  },
}

const USAGE = `usage: node bench/reference/van-de-ven.mjs CHECKOUT SETTING... [options]

  CHECKOUT      a clone of https://github.com/GMvandeVen/continual-learning
  SETTING       scenario-method: ${SCENARIOS.join(' | ')} - ${Object.keys(METHODS).join(' | ')}, such as class-ewc
  --data DIR    folder with mnist/*.gz or mnist/* (default: HOLDFAST_DATA)
  --python P    a Python with torch and torchvision (default: /usr/bin/python3, else python3)
  --iters N     iterations a task (default: 2000, the protocol's)
  --fisher-n N  samples a task for EWC's Fisher, to try things out (default: all, the protocol's)
  --seed N      0 keeps the natural order of the digits (default: 0)
  --cpu N       keep the process on this core (Linux, with taskset)
  --verbose     show what the program prints (on stderr)`

function fail(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(1)
}

async function unpackMnist(data, target) {
  await mkdir(target, { recursive: true })
  for (const name of MNIST) {
    const plain = join(data, 'mnist', name)
    if (existsSync(plain)) await writeFile(join(target, name), await readFile(plain))
    else if (existsSync(`${plain}.gz`))
      await writeFile(join(target, name), gunzipSync(await readFile(`${plain}.gz`)))
    else
      fail(
        `${plain}.gz: not found. Expected MNIST's four files in the folder mnist of --data or HOLDFAST_DATA.`,
      )
  }
}

async function writeStubs(python, target) {
  await mkdir(target, { recursive: true })
  const stubbed = []
  for (const [name, files] of Object.entries(STUBS)) {
    const found = spawnSync(python, [
      '-c',
      `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`,
    ])
    if (found.status === 0) continue
    stubbed.push(name)
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(target, path)), { recursive: true })
      await writeFile(join(target, path), text)
    }
  }
  return stubbed
}

function runProgram(command, args, options, verbose) {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    const stop = () => child.kill()
    process.once('SIGINT', stop).once('SIGTERM', stop)
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (verbose) process.stderr.write(chunk)
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', stop).off('SIGTERM', stop)
      if (code === 0) done(output)
      else
        reject(
          new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${errors.slice(-2000)}`),
        )
    })
  })
}

function numberAfter(output, pattern) {
  const match = pattern.exec(output)
  if (match === null)
    throw new Error(
      `Expected a line like ${pattern} in what the program prints; found none:\n${output.slice(-1000)}`,
    )
  return Number(match[1])
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: process.env.HOLDFAST_DATA ?? '' },
    python: { type: 'string', default: existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3' },
    iters: { type: 'string', default: '2000' },
    'fisher-n': { type: 'string' },
    seed: { type: 'string', default: '0' },
    cpu: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const [checkout, ...settings] = positionals
if (checkout === undefined || settings.length === 0)
  fail('Expected the path of a checkout and at least one setting.')
const main = resolve(checkout, 'main.py')
if (!existsSync(main)) fail(`${main}: not found. Expected a checkout of GMvandeVen/continual-learning.`)
for (const name of ['iters', 'fisher-n', 'seed', 'cpu']) {
  const value = values[name]
  const least = name === 'iters' || name === 'fisher-n' ? 1 : 0
  if (value !== undefined && !(/^\d+$/.test(value) && Number(value) >= least)) {
    fail(`--${name}: expected a whole number from ${least} on, found "${value}".`)
  }
}
if (values.data === '') fail('Expected --data or HOLDFAST_DATA to name the folder that holds mnist/.')
for (const setting of settings) {
  const [scenario, method] = setting.split('-')
  if (!SCENARIOS.includes(scenario) || !(method in METHODS)) fail(`"${setting}" is not a setting.`)
}

const folder = await mkdtemp(join(tmpdir(), 'van-de-ven-'))
try {
  await unpackMnist(resolve(values.data), join(folder, 'datasets', 'MNIST', 'MNIST', 'raw'))
  const stubbed = await writeStubs(values.python, join(folder, 'stubs'))
  await mkdir(join(folder, 'results'))
  for (const setting of settings) {
    const [scenario, method] = setting.split('-')
    const strength = method === 'ewc' ? [`--reg-strength=${EWC_LAMBDA[scenario]}`] : []
    if (method === 'ewc' && values['fisher-n'] !== undefined)
      strength.push(`--fisher-n=${values['fisher-n']}`)
    const flags = [
      '--experiment=splitMNIST',
      `--scenario=${scenario}`,
      '--contexts=5',
      `--iters=${values.iters}`,
      '--batch=128',
      '--fc-layers=3',
      '--fc-units=400',
      '--optimizer=adam',
      '--lr=0.001',
      `--seed=${values.seed}`,
      ...METHODS[method],
      ...strength,
      '--time',
      '--no-save',
      '--no-gpus',
    ]
    const places = ['data', 'model', 'plot', 'results'].map(
      (kind) => `--${kind}-dir=${join(folder, kind === 'data' ? 'datasets' : kind)}`,
    )
    const environment = {
      ...process.env,
      OMP_NUM_THREADS: '1',
      OPENBLAS_NUM_THREADS: '1',
      MKL_NUM_THREADS: '1',
      PYTHONPATH: join(folder, 'stubs'),
      PYTHONDONTWRITEBYTECODE: '1',
    }
    const program = [values.python, main, ...flags, ...places]
    const pinned = values.cpu === undefined ? program : ['taskset', '-c', values.cpu, ...program]
    const start = performance.now()
    const output = await runProgram(
      pinned[0],
      pinned.slice(1),
      { cwd: folder, env: environment },
      values.verbose,
    )
    const seconds = (performance.now() - start) / 1000
    console.log(
      JSON.stringify({
        setting,
        seconds: Math.round(seconds * 100) / 100,
        trainSeconds: numberAfter(output, /Total training time = ([\d.]+) seconds/),
        accuracy: numberAfter(output, /average accuracy over all \d+ contexts: ([\d.]+)/),
        seed: Number(values.seed),
        iters: Number(values.iters),
        flags: flags.join(' '),
        stubbed,
      }),
    )
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
