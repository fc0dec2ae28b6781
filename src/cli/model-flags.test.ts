import { expect, test } from 'vitest'
import { type PlanInput, parsePlan } from '../train/plan/plan.ts'
import { learn } from './learn.ts'
import { withModelFlags } from './model-flags.ts'
import { readArguments } from './verb.ts'

const modelOf = (line: string, model?: PlanInput['model']) =>
  withModelFlags(
    parsePlan({ stream: { kind: 'split' }, ...(model ? { model } : {}) }),
    readArguments(learn, line.split(' ')),
  ).model

test('a model file takes the place of the configuration’s model', () => {
  expect(modelOf('run.yaml --model m.onnx --train last:2 --batchnorm train')).toEqual({
    kind: 'onnx',
    path: 'm.onnx',
    train: 'last:2',
    batchnorm: 'train',
  })
})

test('flags change what the configuration says of its model file, and nothing else of it', () => {
  const configured = { kind: 'onnx' as const, path: 'm.onnx', output: 'scores', head: 'widen' as const }
  expect(modelOf('run.yaml --lora 4:6 --lora-targets *query*,*value* --adapter out', configured)).toEqual({
    ...configured,
    lora: { rank: 4, alpha: 6, targets: ['*query*', '*value*'], head: true },
    adapter: 'out',
  })
  expect(modelOf('run.yaml', configured)).toEqual(configured)
})

test.each([
  ['run.yaml --train head', /--train is about a model from a file, but the configuration has a new mlp/],
  ['run.yaml --model m.onnx --lora many', /--lora: expected a number, found "many"/],
  ['run.yaml --model m.onnx --lora 0', /--lora: expected a whole number from 1 on, found "0"/],
  ['run.yaml --model m.onnx --lora-targets *', /give --lora RANK, too/],
  ['run.yaml --model m.onnx --batchnorm moving', /--batchnorm: expected one of fixed, train/],
  ['run.yaml --model m.onnx --lora 2 --train head', /model.train and model.lora are both given/],
  ['run.yaml --model m.onnx --adapter out', /model.lora is not given/],
])('holdfast learn %s is refused', (line, message) => {
  expect(() => modelOf(line)).toThrow(message)
})
