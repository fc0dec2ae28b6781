import { expect, test } from 'vitest'
import { fingerprint } from '../../data/fingerprint.ts'
import { rowCount } from '../../data/rows.ts'
import type { RunResult } from '../../measure/results.ts'
import { methodEntries } from '../../methods/registry.ts'
import { randomStream } from '../../tensor/random.ts'
import { loadPlan } from '../../train/plan/plan-files.ts'
import { readProtocol } from '../protocols/index-files.ts'
import { candidates, searchSpace } from './candidates.ts'
import {
  firstTrials,
  secondTrials,
  type Trial,
  type Tried,
  type TuneGrid,
  tunedPlans,
  tunings,
} from './tune.ts'

const { protocol } = await readProtocol('split-mnist@1')

const grid = (given: Partial<TuneGrid> = {}): TuneGrid => ({
  protocol,
  methods: ['none', 'ewc', 'l2-sp'],
  scenarios: ['domain'],
  seeds: [1, 2],
  changed: { source: 'synthetic', limit: { train: 200, test: 50 }, iterations: 40 },
  trials: 4,
  ...given,
})

/** Trials with the scores that a function gives them; undefined failed. */
const scored = (trials: readonly Trial[], score: (trial: Trial) => number | undefined): Tried[] =>
  trials.map((trial) => {
    const averageAccuracy = score(trial)
    return {
      ...trial,
      result: averageAccuracy === undefined ? undefined : ({ averageAccuracy } as RunResult),
    }
  })

test('a range is drawn from in as many parts as there are candidates, by factors where it is logarithmic', () => {
  const found = candidates(new Map([['lambda', { from: 1, to: 1e6, scale: 'log' }]]), 7, randomStream(1, 'x'))
  expect(found[0]).toEqual({})
  const places = found.slice(1).map(({ lambda = 0 }) => Math.floor(Math.log10(Number(lambda))))
  expect([...places].sort()).toEqual([0, 1, 2, 3, 4, 5])
  expect(found.every(({ lambda = 1 }) => Number(Number(lambda).toPrecision(3)) === lambda)).toBe(true)
  expect(candidates(new Map(), 5, randomStream(1, 'x'))).toEqual([{}])
})

test('each method has as many trials, none with a reported seed, all on rows of the training data', async () => {
  const asked = grid({ seeds: [1, 1000] })
  const trials = firstTrials(asked)
  for (const method of asked.methods) expect(trials.filter((each) => each.method === method)).toHaveLength(4)
  expect(new Set(trials.map(({ plan }) => plan.seed))).toEqual(new Set([1001]))
  const [trial] = trials
  const [reported] = tunedPlans(asked, [])
  if (!trial || !reported) throw new Error('no plans')
  const [tuned, whole] = await Promise.all([loadPlan(trial.plan), loadPlan(reported)])
  const [pair, all] = [tuned.inputs.data[0], whole.inputs.data[0]]
  if (!pair || !all) throw new Error('no data')
  // Rows of the training data, in two parts; no row of the test data.
  const rows = ({ inputs }: typeof pair.train) => {
    const width = inputs.data.length / rowCount(inputs)
    return Array.from({ length: rowCount(inputs) }, (_, row) =>
      Array.from(inputs.data.slice(row * width, (row + 1) * width) as Uint8Array).join(),
    )
  }
  expect([...rows(pair.train), ...rows(pair.test)].sort()).toEqual(rows(all.train).sort())
  expect(rowCount(pair.test.inputs)).toBe(20)
  expect(fingerprint(pair.test)).not.toBe(fingerprint(all.test))
})

test('what is given is not looked for', () => {
  expect([...searchSpace('ewc', { learningRate: 0.1, fixed: new Set() }).keys()]).toEqual([
    'lambda',
    'learningRate',
  ])
  const given = grid({ methods: ['ewc'], changed: { options: { lambda: 7 }, learningRate: 0.5 } })
  expect(firstTrials(given).map(({ plan }) => [plan.method.options.lambda, plan.learningRate])).toEqual([
    [7, 0.5],
  ])
})

test('the best on validation rows is chosen for all seeds, and what failed is not', () => {
  const asked = grid({ methods: ['ewc'] })
  const trials = firstTrials(asked)
  const best = trials[2]
  const found = tunings(
    scored(trials, (trial) => (trial === best ? 0.9 : trial === trials[1] ? undefined : 0.5)),
  )
  expect(found[0]?.chosen).toEqual(best?.settings)
  expect(found[0]?.trials.map(({ score }) => score)).toEqual([0.5, null, 0.9, 0.5])
  const plans = tunedPlans(asked, found)
  expect(plans.map(({ seed, method, learningRate }) => [seed, method.options.lambda, learningRate])).toEqual(
    asked.seeds.map((seed) => [seed, best?.settings.lambda, best?.settings.learningRate]),
  )
  expect(plans.every(({ data }) => data.validationShare === undefined)).toBe(true)
  // Where all fail the protocol's own settings stay.
  expect(tunings(scored(trials, () => undefined))[0]?.chosen).toEqual({})
})

test('of many trials the best quarter go on to all steps, and the protocol’s own settings with them', () => {
  const asked = grid({ methods: ['ewc'], trials: 8 })
  const first = firstTrials(asked)
  expect(first.map(({ plan }) => plan.iterations)).toEqual(new Array(8).fill(10))
  const tried = scored(first, (trial) => first.indexOf(trial) / 10)
  const second = secondTrials(tried, asked)
  expect(second.map(({ settings }) => settings)).toEqual([{}, first[6]?.settings, first[7]?.settings])
  expect(second.map(({ plan }) => plan.iterations)).toEqual([40, 40, 40])
  // What led after a quarter of the steps need not lead in the end.
  const chosen = tunings([...tried, ...scored(second, (trial) => (trial === second[1] ? 0.3 : 0.2))])
  expect(chosen[0]?.chosen).toEqual(first[6]?.settings)
  expect(
    secondTrials(
      scored(firstTrials(grid()), () => 0.5),
      grid(),
    ),
  ).toEqual([])
})

test('of passes a quarter is a whole number of them, and said as what it is', async () => {
  const passes = (await readProtocol('clinc150@1')).protocol
  const asked = grid({ protocol: passes, methods: ['ewc'], scenarios: ['class'], changed: {}, trials: 8 })
  const first = firstTrials(asked)
  expect(first.map(({ plan, steps }) => [plan.epochs, plan.iterations, steps])).toEqual(
    new Array(8).fill([3, undefined, 0.3]),
  )
  const second = secondTrials(
    scored(first, () => 0.5),
    asked,
  )
  expect(second.map(({ plan, steps }) => [plan.epochs, steps])).toEqual(new Array(2).fill([10, 1]))
})

test('every method has a range for what matters in it, or spends what it is given', () => {
  // What it is given to spend: memory, rows and passes a step, random features, ranks; or what has to be brought: rows without labels.
  const none = [
    'none',
    'joint',
    'er-ace',
    'a-gem',
    'gem',
    'gdumb',
    'icarl',
    'nearest-mean',
    'task-lora',
    'weight-aligning',
    'bic',
  ]
  const own = (method: string) =>
    [...searchSpace(method, { learningRate: 0.1, fixed: new Set() }).keys()].filter(
      (name) => name !== 'learningRate',
    )
  const without = methodEntries.map(({ name }) => name).filter((name) => own(name).length === 0)
  expect(without.toSorted()).toEqual(none.toSorted())
  expect(own('replay')).toEqual(['exemplarChoice', 'newShare'])
  expect(own('reservoir-replay')).toEqual(['newShare', 'retrieval'])
})

test('candidates of every method are settings that it takes', () => {
  for (const { name: method, options } of methodEntries) {
    const space = searchSpace(method, { learningRate: 0.1, fixed: new Set(['learningRate']) })
    const drawn = candidates(space, 12, randomStream(3, 'tune'))
    for (const each of drawn)
      expect(() => options.parse(each), `${method} ${JSON.stringify(each)}`).not.toThrow()
    for (const [name, range] of space) {
      const values = drawn.flatMap((each) => each[name] ?? [])
      if ('among' in range) expect(new Set(values), `${method}, ${name}`).toEqual(new Set(range.among))
      else
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(range.from)
          expect(value).toBeLessThanOrEqual(range.to)
        }
    }
  }
})

test('of a decay as many candidates lie between 0.99 and 0.999 as between 0.9 and 0.99', () => {
  const space = searchSpace('ema', { learningRate: 0.1, fixed: new Set(['learningRate']) })
  const decays = candidates(space, 21, randomStream(1, 'tune')).flatMap(({ decay }) => decay ?? [])
  expect(decays.filter((decay) => Number(decay) > 0.99)).toHaveLength(10)
})
