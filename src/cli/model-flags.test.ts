import { expect, test } from 'vitest'
import { z } from 'zod'
import { type PlanInput, parsePlan } from '../train/plan/plan.ts'
import { factsOf, readSettings } from './flags/index.ts'
import { modelFlags, withModelFlags } from './model-flags.ts'

const flags = z.object(modelFlags)
const modelOf = (line: string, model?: PlanInput['model']) =>
  withModelFlags(
    parsePlan({ stream: { kind: 'split' }, ...(model ? { model } : {}) }),
    readSettings({ name: 'learn', examples: [] }, flags, factsOf(flags), line.split(' ').filter(Boolean)),
  ).model

test('a model file takes the place of the configuration’s model', () => {
  expect(modelOf('--model m.onnx --train last:2 --batchnorm train')).toEqual({
    kind: 'onnx',
    path: 'm.onnx',
    train: 'last:2',
    batchnorm: 'train',
  })
})

test('flags change what the configuration says of its model file, and nothing else of it', () => {
  const configured = { kind: 'onnx' as const, path: 'm.onnx', output: 'scores', head: 'widen' as const }
  expect(modelOf('--lora 4:6 --lora-targets *query*,*value* --adapter out', configured)).toEqual({
    ...configured,
    lora: { rank: 4, alpha: 6, targets: ['*query*', '*value*'] },
    adapter: 'out',
  })
  expect(modelOf('', configured)).toEqual(configured)
})

test.each([
  ['--train head', /--train is about a model from a file, but the configuration has a new mlp/],
  ['--model m.onnx --lora many', /--lora: expected a rank such as 8, .* found "many"/],
  ['--model m.onnx --lora 0', /--lora: expected a rank such as 8, .* found "0"/],
  ['--model m.onnx --lora-targets *', /give --lora RANK, too/],
  ['--model m.onnx --batchnorm moving', /--batchnorm: expected one of fixed, train/],
  ['--model m.onnx --lora 2 --train head', /model.train and model.lora are both given/],
  ['--model m.onnx --adapter out', /model.lora is not given/],
])('holdfast learn %s is refused', (line, message) => {
  expect(() => modelOf(line)).toThrow(message)
})
