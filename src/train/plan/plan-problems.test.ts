import { describe, expect, test } from 'vitest'
import { methodEntries, methodOptions } from '../../methods/registry.ts'
import { starterConfig } from './config-files.ts'
import { parsePlan } from './plan.ts'

const stream = { kind: 'split' }
const problem = (value: unknown): string => {
  try {
    parsePlan(value, 'run.yaml')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return ''
}

describe('what is wrong in a configuration', () => {
  test.each([
    [{}, 'stream is missing; expected settings'],
    [{ stream: {} }, 'stream.kind is missing; expected one of split, permuted, rotated, list.'],
    [
      { stream: { kind: 'spilt' } },
      'stream.kind: expected one of split, permuted, rotated, list, found "spilt". Did you mean "split"?',
    ],
    [
      { stream: { ...stream, scenario: 'klass' } },
      'stream.scenario (what is told at test time: the task, or nothing): expected one of task, domain, class, found "klass". Did you mean "class"?',
    ],
    [
      { stream: { ...stream, classesPerTask: 0 } },
      'stream.classesPerTask (classes in each task): expected a whole number from 1 to 2147483647 (rows are counted in 32 bits), found 0.',
    ],
    [
      { stream: { ...stream, groups: [] } },
      'stream.groups (instead: the classes of each task, by name or by place in their list): expected a list, not empty, of',
    ],
    [
      { stream, learnignRate: 1 },
      'At the top there is no setting "learnignRate"; known are name, data, stream',
    ],
    [{ stream, learnignRate: 1 }, 'Did you mean "learningRate"?'],
    [
      { stream, learningRate: '0,1' },
      'learningRate: expected a number above 0 to 1000000 (a larger one diverges at the first step), found "0,1".',
    ],
    [
      { stream, learningRate: null },
      'learningRate: expected a number above 0 to 1000000 (a larger one diverges at the first step), found null.',
    ],
    [
      { stream, threads: 1000 },
      'expected a whole number from 1 to 256 (each takes memory, and more than there are cores only wait), found 1000.',
    ],
    [
      { stream, batchSize: 1.5 },
      'batchSize: expected a whole number from 1 to 1048576 (all rows of a step are in memory at once), found 1.5.',
    ],
    [
      { stream, model: { kind: 'mlp', hiden: [1] } },
      'In model there is no setting "hiden"; known are kind, hidden, activation. Did you mean "hidden"?',
    ],
    [
      { stream, model: { kind: 'mlp', hidden: [0] } },
      'model.hidden.0: expected a whole number from 1 to 1048576 (a layer has to fit in memory), found 0.',
    ],
    [{ stream, data: { preprocessing: 'units' } }, 'found "units". Did you mean "unit"?'],
    [
      { stream, device: 'auto' },
      'found "auto". auto is for the flag alone (--device auto): a run keeps the device that it began with',
    ],
    [
      { stream, device: 'GPU' },
      'found "GPU". Graphics devices are webgpu, of any maker, and cuda, of NVIDIA.',
    ],
    [{ stream, device: 'constructor' }, 'found "constructor".'],
    [{ stream, data: { columns: { lable: 'x' } } }, 'In data.columns there is no setting "lable"; known are'],
    [{ stream, method: 'ewc' }, 'method: expected settings (name, options), found "ewc".'],
    [{ stream, resetOptimiser: 'yes' }, 'expected true or false, found "yes".'],
    [
      { stream: { kind: 'list', tasks: [{ name: '', source: 'x' }] } },
      'stream.tasks.0.name: expected text that is not empty, found "".',
    ],
    [
      ['stream'],
      'the whole file: expected settings (name, data, stream, model, method, optimiser, …), found ["stream"].',
    ],
    ['x'.repeat(200), `found "${'x'.repeat(59)}….`],
  ])('%j', (value, said) => {
    const message = problem(value)
    expect(message).toContain(said)
    expect(message).toMatch(/^run\.yaml is not a configuration that can be run\. /)
    // Words of the checker, which speak of types.
    expect(message).not.toMatch(
      /Invalid|received|Unrecognized|Too (big|small)|expected (string|int|object|array)/,
    )
  })
})

test('the starter configuration names every method with its options', () => {
  const lines = starterConfig.split('\n')
  for (const { name } of methodEntries) {
    const from = lines.findIndex((line) => line.startsWith(`  # ${name}:`) || line === `  # ${name}`)
    expect(from, name).toBeGreaterThan(0)
    const next = lines.findIndex((line, at) => at > from && !line.startsWith('  #   '))
    for (const option of Object.keys(methodOptions(name))) {
      expect(lines.slice(from, next).join('\n'), name).toContain(`${option} `)
    }
  }
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120)
})

test('a model writes its own old texts only where it writes texts', () => {
  const stream = { kind: 'list', scenario: 'domain', tasks: [{ name: 'a', source: 'a/' }] } as const
  const plan = (model: object, loss?: 'causal-lm') => () =>
    parsePlan({ stream, loss, model: { kind: 'onnx', path: 'm.onnx', ...model } }, 'run.yaml')
  expect(plan({ old: 'self' })).toThrow('set loss: causal-lm, or name data')
  expect(plan({ old: 'a/', written: {} }, 'causal-lm')).toThrow('model.old is not self')
  expect(plan({ old: 'self', written: { documents: 3 } }, 'causal-lm')().model).toMatchObject({
    written: { documents: 3, temperature: 1 },
  })
})
