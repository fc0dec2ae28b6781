import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { syntheticDigits } from '../../data/catalogue/index.ts'
import { sortedKeys } from '../../data/sorted-keys.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { machineFacts } from '../../train/folders/index-files.ts'
import { followed } from '../followed.ts'
import { benchmarkPlans, runGrid } from '../grid/benchmark.ts'
import { readProtocol } from './protocol-files.ts'
import { protocolPlan } from './protocol-plan.ts'

const protocolNamed = async (name: string) => (await readProtocol(name)).protocol
const split = await protocolNamed('split-mnist@1')

test('split MNIST has the settings of its paper', () => {
  const protocol = split
  const plan = protocolPlan(protocol, { method: 'ewc', scenario: 'domain', seed: 3 })
  expect(plan).toMatchObject({
    data: { source: 'mnist', preprocessing: 'unit' },
    stream: { kind: 'split', scenario: 'domain', classesPerTask: 2, classOrderSeed: 3 },
    model: { kind: 'mlp', hidden: [400, 400] },
    method: { name: 'ewc', options: { lambda: 1e10 } },
    optimiser: { name: 'adam', beta1: 0.9, beta2: 0.999 },
    learningRate: 1e-3,
    iterations: 2000,
    batchSize: 128,
    seed: 3,
  })
  const lambdas = (['task', 'class'] as const).map(
    (scenario) => protocolPlan(protocol, { method: 'ewc', scenario, seed: 0 }).method.options.lambda,
  )
  expect(lambdas).toEqual([1e5, 1e9])
  expect(protocolPlan(protocol, { method: 'replay', scenario: 'task', seed: 0 }).method.options).toEqual({
    perClass: 100,
  })
})

test('permuted and rotated MNIST have the settings of theirs', async () => {
  const permuted = protocolPlan(await protocolNamed('permuted-mnist@1'), {
    method: 'ewc',
    scenario: 'domain',
    seed: 2,
  })
  expect(permuted).toMatchObject({
    stream: { kind: 'permuted', tasks: 10, padTo: 32, streamSeed: 2 },
    model: { hidden: [1000, 1000] },
    learningRate: 1e-4,
    iterations: 5000,
    method: { options: { lambda: 100, fisherSamples: 1000 } },
  })
  const rotated = protocolPlan(await protocolNamed('rotated-mnist@1'), {
    method: 'none',
    scenario: 'domain',
    seed: 0,
  })
  expect(rotated).toMatchObject({
    stream: { kind: 'rotated', tasks: 20 },
    model: { hidden: [100, 100] },
    batchSize: 128,
  })
})

test('borders can be taken from a protocol that tells them', async () => {
  const run = { method: 'er-ace', scenario: 'class', seed: 1 } as const
  const plan = protocolPlan(split, run, { borders: { width: 0.25 } })
  expect(plan.stream).toMatchObject({ borders: { width: 0.25, shape: 'linear' } })
  expect(plan.protocol?.changed).toEqual(['stream.borders'])
  const fuzzy = await protocolNamed('fuzzy-mnist')
  expect(protocolPlan(fuzzy, run, { borders: { shape: 'cosine' } }).stream).toMatchObject({
    borders: { width: 0.5, shape: 'cosine' },
  })
  expect(() => protocolPlan(split, run, { borders: { shape: 'cosine' } })).toThrow(
    expect.objectContaining({ code: 'protocol-borders' }),
  )
  expect(() => protocolPlan(split, { ...run, method: 'ewc' }, { borders: { width: 0 } })).toThrow(
    expect.objectContaining({ code: 'method-borders' }),
  )
})

test('a run whose borders nobody was told has its end and its course, and no row a task', async () => {
  const plan = protocolPlan(
    await protocolNamed('fuzzy-mnist'),
    { method: 'reservoir-replay', scenario: 'class', seed: 1 },
    { iterations: 4, batchSize: 8, hidden: [4], evaluateEvery: 2, options: { capacity: 10 } },
  )
  const engine = ortNode({ threads: 1 })
  const grid = runGrid({
    ...{ plans: [plan], inputs: { data: [syntheticDigits({ train: 200, test: 50 })] } },
    ...{ engine, machine: machineFacts(engine) },
  })
  const { bench, failures } = await followed(grid)
  expect(failures).toEqual([])
  const [run] = bench.results
  expect(run?.matrix).toHaveLength(1)
  expect(run?.curve?.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
  expect(run?.anytimeAccuracy).toBeGreaterThan(0)
  expect(run).toMatchObject({ backwardTransfer: null, averageIncremental: null, stabilityGap: null })
  expect(bench.tasks).toHaveLength(5)
})

test('every setting can be changed, and joint training has its own number of steps', () => {
  const changed = {
    iterations: 7,
    jointIterations: 9,
    batchSize: 8,
    hidden: [5],
    optimiser: 'sgd',
    momentum: 0.5,
    learningRate: 0.1,
    options: { lambda: 3, ewcStep: 'proximal' },
  } as const
  const [ewc, joint, composed] = benchmarkPlans({
    protocol: split,
    methods: ['ewc', 'joint', 'sam+joint'],
    scenarios: ['class'],
    seeds: [1],
    changed,
  })
  expect(ewc).toMatchObject({
    iterations: 7,
    batchSize: 8,
    model: { hidden: [5] },
    optimiser: { name: 'sgd', momentum: 0.5 },
    learningRate: 0.1,
    method: { options: { lambda: 3, ewcStep: 'proximal' } },
  })
  expect(joint).toMatchObject({ iterations: 9, method: { options: {} } })
  expect(composed).toMatchObject({ iterations: 9 })
})

test('an option that no method has is refused', () => {
  expect(() =>
    benchmarkPlans({
      protocol: split,
      methods: ['none', 'lwf'],
      scenarios: ['class'],
      seeds: [1],
      changed: { options: { perClass: 3, temperature: 2 } },
    }),
  ).toThrow(/None of the methods none, lwf has the option perClass/)
})

test('keeps the protocol where an option is left undefined', () => {
  const run = { method: 'ewc', scenario: 'class', seed: 1 } as const
  const plan = protocolPlan(split, run, {
    options: { lambda: undefined, fisher: 'true' },
  })
  expect(plan.method.options).toMatchObject({ lambda: 1e9, fisher: 'true' })
})

describe('what a result says of its protocol', () => {
  const run = { method: 'ewc', scenario: 'class', seed: 1 } as const

  test('names it with its version and its content', () => {
    expect(protocolPlan(split, run, { threads: 1, checkpointEvery: 5 }).protocol).toEqual({
      name: 'split-mnist',
      version: 1,
      sha256: split.sha256,
    })
  })

  test('says which settings are others', () => {
    const changed = { iterations: 7, hidden: [5], source: 'synthetic', options: { lambda: 2, perClass: 3 } }
    expect(protocolPlan(split, run, changed).protocol?.changed).toEqual([
      'data.source',
      'model.hidden',
      'method.options.lambda',
      'iterations',
    ])
  })
})

test('a method, and a method in a scenario, have their own settings before those of the scenario', () => {
  const own = {
    ...split,
    methods: { ewc: { options: { lambda: 5 }, learningRate: 0.5 }, 'ewc+replay': { epochs: 2 } },
    in: {
      class: {
        batchSize: 7,
        options: { lambda: 4, perClass: 9 },
        methods: { ewc: { options: { lambda: 6 } } },
      },
    },
  }
  const plan = (method: string, scenario: 'class' | 'task') =>
    protocolPlan(own, { method, scenario, seed: 0 })
  expect(plan('ewc', 'class')).toMatchObject({ batchSize: 7, learningRate: 0.5, iterations: 2000 })
  expect(plan('ewc', 'class').method.options).toMatchObject({ lambda: 6 })
  expect(plan('ewc', 'task').method.options).toMatchObject({ lambda: 5 })
  expect(plan('ewc+replay', 'class')).toMatchObject({
    learningRate: 0.001,
    epochs: 2,
    method: { options: { lambda: 4, perClass: 9 } },
  })
  expect(plan('ewc+replay', 'class').iterations).toBeUndefined()
  // Whoever asks for steps has steps.
  const asked = protocolPlan(own, { method: 'ewc+replay', scenario: 'class', seed: 0 }, { iterations: 3 })
  expect([asked.iterations, asked.epochs]).toEqual([3, undefined])
})

test('what a protocol cannot do is refused', () => {
  const run = { method: 'none', scenario: 'domain', seed: 0 } as const
  expect(() => protocolPlan(split, { ...run, method: 'replay+gdumb' })).toThrow(
    expect.objectContaining({ code: 'compose-refused' }),
  )
  expect(() => protocolPlan(split, { ...run, method: 'ewc' }, { options: { lambda: -5 } })).toThrow(
    'must be 0 or more',
  )
  const list = {
    ...split,
    run: { ...split.run, stream: { kind: 'list' as const, tasks: [{ name: 'a', source: 'a' }] } },
    seeded: [],
  }
  expect(() => protocolPlan({ ...split, scenarios: ['task'] }, run)).toThrow('has no domain scenario')
  expect(() => protocolPlan(list, run, { source: 'b' })).toThrow('names data for each of its tasks')
  expect(() => protocolPlan(list, run, { tasks: 2 })).toThrow('has 1 task, but 2 were asked for')
  expect(() => protocolPlan({ ...split, classes: undefined }, run, { tasks: 2 })).toThrow('classes: N')
  expect(() => protocolPlan(split, run, { model: 'm.onnx' })).toThrow('leave out --model')
  const given = {
    ...list,
    place: (path: string) => `/here/${path}`,
    run: { ...list.run, model: { kind: 'onnx' as const, path: 'given' } },
  }
  expect(() => protocolPlan(given, run)).toThrow('--model model.onnx')
  expect(() => protocolPlan(given, run, { model: 'm.onnx', hidden: [3] })).toThrow('no hidden layers')
  expect(protocolPlan(given, run, { model: 'm.onnx' }).model).toMatchObject({ path: '/here/m.onnx' })
})

describe('protocols that were code before they were files', () => {
  // Worked out by the code that held their settings (SHA-256 over the plans of seven methods, three scenarios, two seeds), and by its runs.
  const before = [
    {
      name: 'split-mnist@1',
      plans: 'b67d9508795ce1c5a45e3520c736cacc4228bbf00da42d6c218a8f556ea14a47',
      learningRate: 0.01,
      tasks: undefined,
      scenario: 'class',
      last: [
        [0.925, 0, 0, 0, 0],
        [0.5, 0, 0, 0, 0],
        [0.875, 0.375, 0.025, 0, 0],
        [0.925, 0.35, 0.05, 0, 0],
      ],
    },
    {
      name: 'permuted-mnist@1',
      plans: '8f236abad2cbb5698764126559bf248d574b00a806bdcd8d15494f5a09b2b710',
      learningRate: 0.01,
      tasks: 2,
      scenario: 'domain',
      last: [
        [0.345, 0.29],
        [0.355, 0.305],
        [0.555, 0.295],
        [0.465, 0.235],
      ],
    },
    {
      name: 'rotated-mnist@1',
      plans: '86fa5d2af90deab16ae2b893505b4b8990490417a241d034a2d99f300ed5b6a3',
      learningRate: undefined,
      tasks: 2,
      scenario: 'domain',
      last: [
        [0.305, 0.385],
        [0.35, 0.47],
        [0.43, 0.435],
        [0.37, 0.4],
      ],
    },
  ] as const

  test.each(before)('$name has the same plans', async ({ name, plans }) => {
    const made = benchmarkPlans({
      protocol: { ...(await protocolNamed(name)), place: (path) => path },
      methods: ['none', 'ewc', 'lwf', 'replay', 'reservoir-replay', 'joint', 'ridge'],
      scenarios: ['task', 'domain', 'class'],
      seeds: [0, 3],
    }).map(({ protocol: _, ...plan }) => plan)
    expect(
      createHash('sha256')
        .update(JSON.stringify(sortedKeys(made)))
        .digest('hex'),
    ).toBe(plans)
  })

  test.each(before)('$name has the same results', async ({ name, learningRate, tasks, scenario, last }) => {
    const engine = ortNode({ threads: 1 })
    const rows = { train: 400, test: 200 }
    const grid = runGrid({
      plans: benchmarkPlans({
        protocol: await protocolNamed(name),
        ...{ methods: ['ewc', 'lwf', 'replay', 'joint'], scenarios: [scenario], seeds: [3] },
        changed: {
          ...{
            source: 'synthetic',
            limit: rows,
            iterations: 12,
            batchSize: 16,
            hidden: [12],
            learningRate,
            tasks,
          },
        },
      }),
      inputs: { data: [syntheticDigits(rows)] },
      ...{ engine, machine: machineFacts(engine) },
    })
    const { bench } = await followed(grid)
    const found = bench.results.map(({ matrix }) => matrix.at(-1))
    // Another processor rounds otherwise: two of 200 answers may.
    for (const [at, row] of last.entries()) {
      for (const [task, accuracy] of row.entries())
        expect(Math.abs((found[at]?.[task] ?? Number.NaN) - accuracy), `${at}, ${task}`).toBeLessThan(0.0101)
    }
  })
})
