import { expect, test } from 'vitest'
import { benchmarkPlans } from '../grid/benchmark.ts'
import { protocolNamed, protocolPlan } from './protocols.ts'

test('split MNIST has the settings of its paper', () => {
  const protocol = protocolNamed('split-mnist')
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

test('permuted and rotated MNIST have the settings of theirs', () => {
  const permuted = protocolPlan(protocolNamed('permuted-mnist'), {
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
  const rotated = protocolPlan(protocolNamed('rotated-mnist'), {
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
  const [ewc, joint] = benchmarkPlans({
    protocol: protocolNamed('split-mnist'),
    methods: ['ewc', 'joint'],
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
})

test('an option that no method has, and an unknown benchmark, are refused', () => {
  expect(() =>
    benchmarkPlans({
      protocol: protocolNamed('split-mnist'),
      methods: ['none', 'lwf'],
      scenarios: ['class'],
      seeds: [1],
      changed: { options: { perClass: 3, temperature: 2 } },
    }),
  ).toThrow(/None of the methods none, lwf has the option perClass/)
  expect(() => protocolNamed('split-mnits')).toThrow(/Did you mean "split-mnist"\?/)
})

test('keeps the protocol where an option is left undefined', () => {
  const run = { method: 'ewc', scenario: 'class', seed: 1 } as const
  const plan = protocolPlan(protocolNamed('split-mnist'), run, {
    options: { lambda: undefined, fisher: 'true' },
  })
  expect(plan.method.options).toMatchObject({ lambda: 1e9, fisher: 'true' })
})
