import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { buildCli, type Cli, type RunOptions } from './cli.ts'

let cli: Cli
let folder: string

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'))
})
afterAll(() => cli.remove())

const run = (line: string, options: RunOptions = {}) =>
  cli.run(line.split(' ').filter(Boolean), { cwd: folder, ...options })
const tiny = '--data synthetic --limit 300,100 --hidden 16 --batch 16 --iterations 10'

/** The shape of a JSON value: numbers, texts and so on by their kind, lists by their first entry. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
}

describe('help', () => {
  test('the overview names every verb, and nothing asked for is an error', async () => {
    const { stdout, code } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toMatchInlineSnapshot(`
      "Update trained neural networks without letting them forget, and prove it.

      USAGE  holdfast VERB [arguments]

        quickstart  See a model forget, and the same model not forget, in a minute
        bench       Measure methods under a published protocol
        collect     The result of a benchmark whose runs were done in parts
        worker      Do runs that bench --queue asks for, until Ctrl-C
        learn       Learn a stream of tasks as a configuration says
        resume      Go on with a run exactly where it stopped
        report      One self-contained HTML page from runs and benchmarks
        advise      Which method to update a model with, at what cost, by what evidence
        keep        Pack what a model must not forget, for when its data are gone
        update      Teach a model new data, with a budget for what it may forget
        gate        Hold a new model against the old one: pass, fail or too little data
        distil      Teach a smaller model what others answer, and hold it against them
        merge       Several updates of one model as one, without their data
        curve       Old against new accuracy, or texts, on the path between two models
        fisher      The Fisher diagonal of a model: what matters in it
        grad        Loss and gradients of one batch, to check against any other program
        inspect     What a model is, what of it can be trained, and what a step takes
        evaluate    Measure models on texts, labelled rows or probes, side by side
        generate    Continue a text by a language model, or by two side by side
        data        Data sets known by name: list, get, verify
        doctor      What this machine and installation can do, to see or to put into an issue

      holdfast VERB --help says more, with an example that works. To begin: holdfast quickstart
      "
    `)
    expect((await run('')).code).toBe(1)
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test.each([
    'quickstart',
    'bench',
    'learn',
    'resume',
    'report',
    'gate',
    'fisher',
    'grad',
    'inspect',
    'evaluate',
    'generate',
    'data',
  ])('%s --help', async (verb) => {
    const { stdout, code } = await run(`${verb} --help`)
    expect(code).toBe(0)
    expect(stdout).toMatchSnapshot()
  })
})

describe('wrong input', () => {
  test.each([
    ['bnech', 'verb-unknown', 'Did you mean "bench"?'],
    ['bench', 'argument-missing', 'holdfast bench --list'],
    ['bench split-mnits', 'benchmark-unknown', 'Did you mean "split-mnist"?'],
    ['bench split-mnist --mehtod ewc', 'flag-unknown', 'Did you mean "--method"?'],
    ['bench split-mnist --method', 'flag-value', '--method needs a value'],
    [
      'bench split-mnist --device gpu',
      'flag-value',
      'found "gpu". Graphics devices are webgpu, of any maker, and',
    ],
    ['bench split-mnist --device cude', 'flag-value', 'Did you mean "cuda"?'],
    [
      'bench split-mnist --allow-fallback',
      'flag-unknown',
      'It is a part of the device now: --device webgpu+cpu',
    ],
    ['bench split-mnist --method nnoe', 'method-unknown', 'Did you mean "none"?'],
    ['bench split-mnist --scenario klass', 'flag-value', 'Did you mean "class"?'],
    ['bench split-mnist --seeds 3..1', 'flag-value', '--seeds: expected seeds like'],
    ['bench split-mnist --lr fast', 'flag-value', '--lr: expected a number'],
    ['bench split-mnist --method none --lambda 3', 'option-unused', 'has the option lambda'],
    ['bench split-mnist --method none,replay+gdumb', 'compose-refused', 'cannot be composed'],
    ['bench split-mnist --seed 7 --seeds 1', 'option-unused', '--seed would change nothing'],
    ['bench split-mnist --method none --joint-iterations 3', 'option-unused', 'joint is not among none'],
    ['bench split-mnist --momentum 0.5', 'option-unused', '--optimiser sgd'],
    ['bench split-mnist --tasks 3', 'protocol-tasks', 'they can be to 1, 2, 5, 10'],
    ['bench split-mnist extra', 'argument-extra', 'does not know what to do with "extra"'],
    ['bench split-mnist --data missing.csv', 'data-missing', 'there is no such file'],
    ['learn', 'argument-missing', 'holdfast learn --init'],
    ['learn missing.yaml', 'config-missing', 'missing.yaml: there is no such file'],
    ['collect nowhere', 'results-missing', 'Give the folder that bench was told with --store or --out.'],
    [`collect ${process.execPath}`, 'results-missing', 'this is a file, and a folder was expected'],
    ['resume nowhere', 'run-missing', 'nowhere: there is no such file or folder'],
    ['report nowhere', 'results-missing', 'nowhere: there is no such file'],
    ['fisher missing.onnx --data synthetic', 'model-not-found', 'missing.onnx'],
    ['data get nmist', 'dataset-unknown', 'known are mnist'],
    ['data fetch mnist', 'flag-value', 'expected one of list, get, verify'],
  ])('holdfast %s', async (line, code, message) => {
    const ended = await run(line)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    // One paragraph, and no stack.
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
  })

  test('a configuration that is wrong names the place in the file', async () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'stream: {kind: split, scenario: klass}\n')
    const { stderr, stdout, code } = await run('learn wrong.yaml --json')
    expect(stderr).toContain('wrong.yaml is not a configuration that can be run. Line 1: stream.scenario (')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'config' } })
  })

  test('--debug shows where an error comes from', async () => {
    expect((await run('bnech --debug')).stderr).toMatch(/\n {4}at /)
  })
})

test.runIf(existsSync('/dev/full'))('a stdout that takes nothing is told in a sentence', () => {
  for (const words of ['data synthetic --json', '--version', 'bench --list']) {
    const shell = spawnSync('sh', ['-c', `"${process.execPath}" "${cli.file}" ${words} > /dev/full`], {
      encoding: 'utf8',
    })
    expect([words, shell.status]).toEqual([words, 1])
    expect(shell.stderr).toMatch(
      /^(?:.*\n)*error \(write-failed\): stdout could not be written \(the disk is full.*\n$/,
    )
    expect(shell.stderr).not.toMatch(/\n {4}at /)
  }
})

describe('bench', () => {
  test('lists the protocols there are, and prints the file of one', async () => {
    const list = await run('bench --list')
    expect(list).toMatchObject({ code: 0, stdout: expect.stringMatching(/^split-mnist@2 .*van de Ven/m) })
    const shown = await run('bench split-mnist@1 --show')
    expect(shown.stdout).toBe(readFileSync('protocols/split-mnist@1.yaml', 'utf8'))
  })

  test('--json prints one object of the promised shape and nothing else', async () => {
    const line = `bench split-mnist --method none,ewc --scenario task,class --seeds 1..2 ${tiny} --out grid --json`
    const { stdout, stderr, code } = await run(line)
    expect(code).toBe(0)
    const bench = JSON.parse(stdout)
    expect(shape(bench)).toMatchSnapshot()
    expect(bench.results).toHaveLength(8)
    expect(bench.summary.map((row: { seeds: number }) => row.seeds)).toEqual([2, 2, 2, 2])
    expect(bench.dataset).toEqual({ name: 'synthetic digits', synthetic: true })
    expect(stderr).toContain('synthetic digits drawn by Holdfast')
    const runs = readdirSync(join(folder, 'grid'))
    const run2 = runs.find((name) => name.startsWith('split-mnist-ewc-class-2-')) ?? ''
    expect(existsSync(join(folder, 'grid', run2, 'model.onnx'))).toBe(true)

    const again = JSON.parse((await run(line)).stdout)
    expect(again.results).toEqual(bench.results)
  })

  test('people get a table, a report where they ask for one, and nothing on disk with --no-save', async () => {
    const { stdout, code } = await run(
      `bench split-mnist --method none --scenario class ${tiny} --no-save --quiet --report page.html`,
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /split-mnist@2 \([0-9a-f]{12}\) on synthetic digits \(synthetic: not comparable[\s\S]*Fine-tuning +\d+\.\d/,
    )
    expect(existsSync(join(folder, 'runs'))).toBe(false)
    expect(readFileSync(join(folder, 'page.html'), 'utf8')).toMatch(/Synthetic|generated data/)
  })

  test('a run that diverges makes the exit code 1, and is told', async () => {
    const { stdout, stderr, code } = await run(
      `bench split-mnist --method none,ewc --scenario class ${tiny} --optimiser sgd --lr 1 --lambda 1e12 --no-save --json`,
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/ewc, class, seed 1: failed\. Training diverged/)
    expect(JSON.parse(stdout).failures).toMatchObject([{ method: 'ewc', error: { code: 'diverged' } }])
  })

  test('runs that failed are named with --quiet, too: in the table, below it and on the page', async () => {
    const line = `bench split-mnist --scenario class ${tiny} --optimiser sgd --lr 1 --lambda 1e12 --no-save --quiet`
    const some = await run(`${line} --method none,ewc --report failed.html`)
    expect(some.stderr).toMatch(/ewc, class, seed 1: failed\. Training diverged/)
    expect(some.stdout).toMatch(/EWC +· \(0 of 1 seeds\)/)
    expect(some.stdout).toMatch(/1 run of 2 missing:\n {2}ewc, class, seed 1: failed\. Training diverged/)
    expect(readFileSync(join(folder, 'failed.html'), 'utf8')).toMatch(/Runs that are missing[\s\S]*diverged/)
    const all = await run(`${line} --method ewc --report nothing.html`)
    expect(all.stdout).toMatch(/No run was finished\.\n\n1 run of 1 missing:[\s\S]*Report: not written/)
  })
})

describe('learn, resume, report, fisher', () => {
  test('a configuration is written, learned, resumed, reported and measured', async () => {
    expect((await run('learn --init run.yaml')).code).toBe(0)
    const path = join(folder, 'run.yaml')
    const small = readFileSync(path, 'utf8')
      .replace('source: mnist', 'source: synthetic')
      .replace('# limit: {train: 6000, test: 1000}', 'limit: {train: 300, test: 100}')
      .replace('hidden: [400, 400]', 'hidden: [16]')
      .replace('iterations: 500', 'iterations: 60')
    writeFileSync(path, small)
    const whole = await run('learn run.yaml --out one --json')
    expect(whole.code).toBe(0)
    const first = JSON.parse(whole.stdout)
    expect(first).toMatchObject({ status: 'finished', run: 'one', dataset: { synthetic: true } })

    const stopped = await run('learn run.yaml --out two --json', {
      onStderr: (text) => (text.includes('Learned') ? 'SIGINT' : undefined),
    })
    expect(JSON.parse(stopped.stdout)).toMatchObject({ status: 'interrupted', run: 'two' })
    expect([stopped.code, stopped.stderr.includes('Stopping after the step at hand')]).toEqual([130, true])
    const resumed = await run('resume two --json')
    expect(resumed.stderr).toContain('Going on from the last checkpoint.')
    const second = JSON.parse(resumed.stdout)
    expect(second.parametersSha256).toBe(first.parametersSha256)
    expect(readFileSync(join(folder, 'two', 'parameters.sha256'), 'utf8').trim()).toBe(first.parametersSha256)

    const config = join(folder, 'two', 'config.json')
    writeFileSync(config, readFileSync(config, 'utf8').replace(/"holdfast": "[^"]*"/, '"holdfast": "0.0.0"'))
    for (const words of ['resume two', 'learn run.yaml --out two']) {
      expect((await run(words)).stderr).toContain(
        'other versions than when the run began (holdfast 0.0.0, now',
      )
    }

    for (const flag of ['--queue redis://127.0.0.1:1', '--round-wait 30s']) {
      const { code, stderr } = await run(`resume two ${flag}`)
      expect(stderr).toContain(`${flag.split(' ')[0]} is about replicas, and this run has none`)
      expect(code).toBe(1)
    }

    const elsewhere = await run('resume two --threads 3 --device webgpu+cpu')
    for (const told of ['the run began on cpu, so on webgpu+cpu', ', so on 3 its last bits may differ'])
      expect(elsewhere.stderr).toContain(told)
    expect((await run('resume two --seed 12345')).stderr).toContain(
      'error (resume-seed): The run began with seed',
    )

    const reported = await run('report one two --markdown')
    expect(reported.stdout).toContain('my-first-run')
    expect((await run('report one -o one.html')).code).toBe(0)
    expect(readFileSync(join(folder, 'one.html'), 'utf8')).toContain('<!doctype html>')

    const fisher = await run(
      'fisher one/model.onnx --data synthetic --samples 50 --labels true -o f.safetensors --json',
    )
    const summary = JSON.parse(fisher.stdout)
    expect(summary).toMatchObject({ labels: 'true', samples: 50, dataset: { synthetic: true } })
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(folder, 'f.safetensors'))))
    expect([...tensors.keys()].sort()).toEqual([
      'layers.0.bias',
      'layers.0.weight',
      'layers.2.bias',
      'layers.2.weight',
    ])
    expect(tensors.get('layers.0.weight')?.dims).toEqual([16, 784])

    writeFileSync(join(folder, 'run.yaml'), small.replace('seed: 1', 'seed: 2'))
    expect((await run('learn run.yaml --out one')).stderr).toContain('error (run-folder-taken)')
  })
})

test('quickstart shows three tables, what they mean, and where the report is', async () => {
  const { stdout, code } = await run('quickstart --data synthetic --limit 1200,200 --quiet')
  expect(code).toBe(0)
  expect(stdout.match(/^Method +0-4 +5-9 +average$/gm)).toHaveLength(3)
  expect(stdout).toContain('synthetic digits, not MNIST')
  expect(stdout).toContain(`Report: ${join(folder, 'quickstart-report.html')}`)
  expect(existsSync(join(folder, 'quickstart-report.html'))).toBe(true)
})

test('data list says what is known and where it is', async () => {
  const { stdout } = await run('data list --json')
  const [mnist] = JSON.parse(stdout).datasets
  expect(mnist).toMatchObject({ name: 'mnist', downloadable: true })
})
