import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readPlanFile, starterConfig, writeStarterConfig } from './config-files.ts'
import { parsePlan } from './plan.ts'

test('aliases that cannot be put in are an error of syntax', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-plan-')), 'run.yaml')
  const levels = Array.from(
    { length: 9 },
    (_, at) => `b${at + 1}: &b${at + 1} [${`*b${at}, `.repeat(9)}*b${at}]`,
  )
  for (const text of [
    'model: *nowhere\n',
    'a: &a\n  <<: *a\n',
    ['b0: &b0 [1, 2]', ...levels, ''].join('\n'),
  ]) {
    await writeFile(path, text)
    await expect(readPlanFile(path)).rejects.toMatchObject({ code: expect.stringMatching(/^config/) })
  }
})

test('what is left out has its default', () => {
  const plan = parsePlan({ stream: { kind: 'split' } })
  expect(plan).toMatchObject({
    data: { source: 'mnist', preprocessing: 'default' },
    stream: { kind: 'split', scenario: 'class', classesPerTask: 2 },
    model: { kind: 'mlp', hidden: [400, 400] },
    method: { name: 'none', options: {} },
    optimiser: { name: 'adam', beta1: 0.9 },
    learningRate: 0.001,
    epochs: 1,
  })
  expect(plan.iterations).toBeUndefined()
})

test('parsing a plan again changes nothing: config.json holds what was meant', () => {
  const plan = parsePlan({
    stream: { kind: 'permuted', padTo: 32 },
    iterations: 3,
    optimiser: { name: 'sgd' },
  })
  expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
})

test('errors name each place in the file', () => {
  const wrong = {
    stream: { kind: 'split', scenario: 'klass' },
    model: { kind: 'mlp', hidden: [0] },
    bacthSize: 3,
  }
  expect(() => parsePlan(wrong, 'run.yaml')).toThrow(
    /^run\.yaml is not.*stream\.scenario .*model\.hidden\.0: .*bacthSize/,
  )
  expect(() => parsePlan({}, 'run.yaml')).toThrow(/stream is missing/)
  expect(() => parsePlan({ stream: { kind: 'split' }, iterations: 1, epochs: 1 })).toThrow(/leave one out/)
})

test('augmentations are a list, and a wrong one is named', () => {
  const plan = (augment: unknown) => parsePlan({ stream: { kind: 'split' }, augment }, 'run.yaml')
  expect(plan(['flip', { crop: 4 }]).augment).toEqual(['flip', { crop: 4 }])
  expect(parsePlan({ stream: { kind: 'split' } })).not.toHaveProperty('augment')
  expect(() => plan(['color'])).toThrow(/augment: there is no "color" among .* Did you mean "colour"\?/)
  expect(() => plan(['flip:2'])).toThrow(/augment: the number behind flip is the chance/)
})

test('the starter configuration is a plan, and is not written over', async () => {
  expect(parsePlan(parse(starterConfig))).toMatchObject({
    method: { name: 'replay', options: { perClass: 100 } },
  })
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-plan-')), 'run.yaml')
  await writeStarterConfig(path)
  expect(await readPlanFile(path)).toMatchObject({ name: 'my-first-run', iterations: 500 })
  await expect(writeStarterConfig(path)).rejects.toMatchObject({ code: 'config-exists' })
})

test('how a model writes old texts may stand in a file where the command line says that it does', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-plan-')), 'run.yaml')
  const lines = [
    'stream: {kind: list, scenario: domain, tasks: [{name: a, source: a/}]}',
    'model: {kind: onnx, path: m.onnx, written: {documents: 3}}',
    'loss: causal-lm',
  ]
  await writeFile(path, lines.join('\n'))
  await expect(readPlanFile(path)).rejects.toThrow('model.old is not self')
  await expect(readPlanFile(path, { old: 'a/' })).rejects.toThrow('model.old is not self')
  expect((await readPlanFile(path, { old: 'self' })).model).toMatchObject({
    old: 'self',
    written: { documents: 3 },
  })
})

test('what is wrong in a file is told with its line', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-plan-')), 'run.yaml')
  const lines = [
    'name: x',
    'stream:',
    '  kind: split',
    '  groups: [[0], []]',
    'learningrate: 1',
    'seed: -0.5',
  ]
  await writeFile(path, lines.join('\n'))
  const refused = readPlanFile(path)
  await expect(refused).rejects.toThrow('Line 4: stream.groups.1: expected a list, not empty')
  await expect(refused).rejects.toThrow('Line 5: At the top there is no setting "learningrate"')
  await expect(refused).rejects.toThrow('Line 6: seed: expected a whole number')
})

test('a file that is no YAML is refused with line and column', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-plan-')), 'run.yaml')
  await writeFile(path, 'stream:\n  kind: [split\n')
  await expect(readPlanFile(path)).rejects.toThrow(/run\.yaml, line \d+, column \d+: this is no YAML/)
  await expect(readPlanFile(`${path}.missing`)).rejects.toMatchObject({ code: 'config-missing' })
})
