import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { whyBorders } from '../../methods/borders.ts'
import { createMethod, methodEntries } from '../../methods/registry.ts'
import { readProtocol, shippedProtocols } from './protocol-files.ts'
import { protocolPlan } from './protocol-plan.ts'

const root = resolve(import.meta.dirname, '../../..')
const files = (await readdir(join(root, 'protocols'))).filter((name) => name.endsWith('.yaml'))

afterEach(() => vi.unstubAllEnvs())

describe('the protocols that come with Holdfast', () => {
  test.each(files)('%s is called what it says, and every method has a plan in it', async (file) => {
    vi.stubEnv('HOLDFAST_DATA', '/data')
    const { protocol } = await readProtocol(file.replace('.yaml', ''))
    expect(`${protocol.name}@${protocol.version}.yaml`).toBe(file)
    expect(protocol.sha256).toMatch(/^[0-9a-f]{64}$/)
    for (const scenario of protocol.scenarios) {
      for (const { name: method } of methodEntries) {
        if (protocol.run.stream.borders && whyBorders(createMethod(method)) !== undefined) {
          expect(() => protocolPlan(protocol, { method, scenario, seed: 2 })).toThrow(
            expect.objectContaining({ code: 'method-borders' }),
          )
          continue
        }
        const model = protocol.run.model?.kind === 'onnx' ? 'm.onnx' : undefined
        const plan = protocolPlan(protocol, { method, scenario, seed: 2 }, { model })
        expect(plan.protocol?.changed).toBeUndefined()
        for (const setting of protocol.seeded) expect(plan.stream).toMatchObject({ [setting]: 2 })
      }
    }
  })

  test('have the optimiser that they say, whichever method has settings of its own', async () => {
    const { protocol } = await readProtocol('der-rotated-mnist-500')
    const rates = ['none', 'der', 'der++', 'a-gem'].map((method) => {
      const plan = protocolPlan(protocol, { method, scenario: 'domain', seed: 1 })
      return [method, plan.optimiser.name, plan.learningRate]
    })
    expect(rates).toEqual([
      ['none', 'sgd', 0.2],
      ['der', 'sgd', 0.2],
      ['der++', 'sgd', 0.2],
      ['a-gem', 'sgd', 0.3],
    ])
  })

  test('are listed once each, the newest version', async () => {
    const names = (await shippedProtocols()).map(({ protocol }) => protocol.name)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(expect.arrayContaining(['split-mnist', 'permuted-mnist', 'rotated-mnist']))
    const [newest, first] = [await readProtocol('split-mnist'), await readProtocol('split-mnist@1')]
    expect(newest.protocol.version).toBeGreaterThanOrEqual(first.protocol.version)
  })

  test('are in the package', async () => {
    const { files: packed } = JSON.parse(
      (await import('node:fs')).readFileSync(join(root, 'package.json'), 'utf8'),
    )
    expect(packed).toContain('protocols')
  })
})

test('a name, or a version, that there is not is refused with those that there are', async () => {
  await expect(readProtocol('split-mnits')).rejects.toThrow(/Did you mean "split-mnist"\?/)
  await expect(readProtocol('split-mnist@99')).rejects.toThrow(/no version 99 .*split-mnist; there are .*1/)
  await expect(readProtocol('./nowhere.yaml')).rejects.toMatchObject({ code: 'config-missing' })
})

const small = `protocol: mine
version: 3
title: Two folders
scenarios: [domain, class]
run:
  stream:
    kind: list
    tasks:
      - {name: one, source: a/one}
      - {name: two, source: HOLDFAST_DATA/two}
  iterations: 5
`

async function own(text: string) {
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-protocol-')), 'mine.yaml')
  await writeFile(path, text)
  return readProtocol(path)
}

describe('a protocol of one’s own', () => {
  const run = { method: 'none', scenario: 'class', seed: 1 } as const

  test('has its files from the working folder, and those of the folder of data', async () => {
    vi.stubEnv('HOLDFAST_DATA', '/data')
    const { protocol } = await own(small)
    expect(protocolPlan(protocol, run).stream).toMatchObject({
      tasks: [{ source: resolve('a/one') }, { source: resolve('/data/two') }],
    })
    vi.stubEnv('HOLDFAST_DATA', '')
    expect(() => protocolPlan(protocol, run)).toThrow(
      /mine\.yaml takes HOLDFAST_DATA\/two, and HOLDFAST_DATA is not set/,
    )
  })

  test('is told by its settings, and not by words, comments or order', async () => {
    const { protocol } = await own(small)
    const [version, protocolLine, ...rest] = ['version: 3', 'protocol: mine', ...small.split('\n').slice(2)]
    const other = await own(
      `# Mine.\n${[version, protocolLine, ...rest].join('\n').replace('Two folders', 'Two')}`,
    )
    expect(other.protocol.sha256).toBe(protocol.sha256)
    expect((await own(small.replace('iterations: 5', 'iterations: 6'))).protocol.sha256).not.toBe(
      protocol.sha256,
    )
  })

  test.each([
    [
      'iterations: 5',
      'iterations: -5',
      'Line 11: run.iterations (steps a task; this or epochs): expected a whole number',
    ],
    ['iterations: 5', 'iteratoins: 5', 'Line 11: In run there is no setting "iteratoins"'],
    [
      'kind: list',
      'kind: lits',
      'Line 7: run.stream.kind: expected one of split, permuted, rotated, list, found "lits". Did you mean "list"?',
    ],
    ['version: 3\n', '', 'Line 1: version (raised whenever a setting changes) is missing'],
    [
      'scenarios: [domain, class]',
      'scenarios: [domain]\nusual: [class]',
      'Line 5: usual: class is not among the scenarios.',
    ],
    ['run:', 'seeded: [streamSeed]\nrun:', 'Line 5: seeded: a stream of kind list has no streamSeed.'],
    [
      'kind: list',
      'kind: list\n    angles: [5]',
      'Line 8: In run.stream there is no setting "angles"; known are kind, borders, tasks. "angles" goes with kind: rotated.',
    ],
    [
      'run:',
      'in: {klass: {batchSize: 3}}\nrun:',
      'Line 5: In in there is no setting "klass"; known are task, domain, class. Did you mean "class"?',
    ],
    [
      'protocol: mine',
      'protocol: "../mine"',
      'small letters, digits, dots and dashes): expected text that matches ^[a-z0-9]',
    ],
    [
      'run:',
      'options: {lambda: -5}\nrun:',
      "Line 5: options.lambda: EWC's lambda must be 0 or more; -5 was given.",
    ],
    [
      'run:',
      'methods: {ewc: {options: {lambda: lots}}}\nrun:',
      'Line 5: methods.ewc.options.lambda: Method "ewc", option "lambda"',
    ],
    [
      'run:',
      'methods: {ewc+ewc: {batchSize: 5}}\nrun:',
      'Line 5: methods.ewc+ewc: The method "ewc+ewc" cannot be composed. ewc stands in it twice',
    ],
    [
      'run:',
      'options: {lamda: 3}\nrun:',
      'Line 5: options.lamda: no method has this option. Did you mean "lambda"?',
    ],
    ['run:', 'methods: {ecw: {}}\nrun:', 'Line 5: methods.ecw: There is no method "ecw"'],
    [
      'run:',
      'methods:\n  ewc:\n    options: {lambda: x}\nrun:',
      'Line 7: methods.ewc.options.lambda: Method "ewc", option "lambda"',
    ],
    [
      'run:',
      'methods:\n  ewc:\n    options: {tau: 1}\nrun:',
      'Line 7: methods.ewc.options.tau: Method "ewc" has no option "tau"',
    ],
    ['run:', 'in:\n  task: {}\nrun:', 'Line 6: in.task: task is not among the scenarios.'],
  ])('with %j as %j is refused with line and key', async (from, to, said) => {
    await expect(own(small.replace(from, to))).rejects.toThrow(said)
    await expect(own(small.replace(from, to))).rejects.toMatchObject({ code: 'protocol' })
  })

  test('that is no YAML is refused with line and column', async () => {
    await expect(own('protocol: [mine')).rejects.toThrow(/mine\.yaml, line \d+, column \d+: this is no YAML/)
  })
})
