import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeGraph } from '../src/onnx/encode.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import type { Graph, Node } from '../src/onnx/graph.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { randomStream } from '../src/tensor/random.ts'
import { writeSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'
import { buildCli, type Cli } from './cli.ts'

/**
 * A detector as they are exported: the batch fixed at one, here and in a Reshape, and one sigmoid for two classes. It answers
 * whether the first number is larger than 0.
 */
function detector(): Uint8Array {
  const node = (op: string, inputs: readonly string[], output: string): Node => ({
    op,
    domain: '',
    name: `/${output}`,
    inputs,
    outputs: [output],
    attributes: {},
  })
  const graph: Graph = {
    name: 'detector',
    inputs: [{ name: 'x', type: 'float32', dims: [1, 4] }],
    outputs: [{ name: 'p', type: 'float32', dims: [1, 1] }],
    initializers: new Map<string, Tensor>([
      ['pairs', int64([3], [1, 2, 2])],
      ['flat', int64([2], [1, 4])],
      ['w1', float32([4, 3], [1, -1, 0.1, 0.1, 0, 0.2, 0, 0.1, 0.1, 0, 0.1, -0.1])],
      ['b1', float32([3], [0, 0, 0.1])],
      ['w2', float32([3, 1], [4, -4, 0.1])],
      ['b2', float32([1], [0])],
    ]),
    nodes: [
      node('Reshape', ['x', 'pairs'], 'two'),
      node('Reshape', ['two', 'flat'], 'one'),
      node('Gemm', ['one', 'w1', 'b1'], 'h'),
      node('Relu', ['h'], 'r'),
      node('Gemm', ['r', 'w2', 'b2'], 'z'),
      node('Sigmoid', ['z'], 'p'),
    ],
  }
  return encodeGraph(graph, { opsets: { '': 17 } })
}

/** Rows as CSV; `border` is where the second class begins. */
function rows(count: number, border: number, seed: number, names = ['off', 'on']): string {
  const random = randomStream(seed, 'rows')
  const lines = Array.from({ length: count }, () => {
    const [x = 0, ...rest] = Array.from({ length: 4 }, () => random.uniform() * 4 - 2)
    return [x, ...rest]
      .map((value) => value.toFixed(3))
      .concat(names[x > border ? 1 : 0] ?? '')
      .join(',')
  })
  return ['a,b,c,d,label', ...lines, ''].join('\n')
}

let cli: Cli
let folder: string
beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-one-'))
  for (const [name, border, names] of [
    ['old', 0, ['off', 'on']],
    ['new', 0.3, ['off', 'on']],
    ['third', 0, ['off', 'perhaps']],
  ] as const) {
    await mkdir(join(folder, name))
    writeFileSync(join(folder, name, 'train.csv'), rows(120, border, 1, [...names]))
    writeFileSync(join(folder, name, 'test.csv'), rows(150, border, 2, [...names]))
  }
  await mkdir(join(folder, 'model'))
  writeFileSync(join(folder, 'model/model.onnx'), detector())
  writeFileSync(join(folder, 'model/labels.txt'), 'off\non\n')
  const batch = new Map<string, Tensor>([
    [
      'x',
      float32(
        [5, 4],
        Array.from({ length: 20 }, (_, at) => Math.sin(at)),
      ),
    ],
    ['labels', int64([5], [0, 1, 1, 0, 1])],
  ])
  writeFileSync(join(folder, 'batch.safetensors'), writeSafetensors(batch))
})
afterAll(async () => {
  cli.remove()
  await rm(folder, { recursive: true })
})

const run = (line: string) => cli.run(line.split(' '), { cwd: folder })
const json = async (line: string) => {
  const { code, stdout, stderr } = await run(`${line} --json`)
  expect(code, stderr).not.toBe(1)
  return JSON.parse(stdout)
}

test('every verb takes a file of one row and one number, and the file stays one', async () => {
  const inspection = await json('inspect model')
  expect(inspection).toMatchObject({
    trainable: true,
    labels: ['off', 'on'],
    binary: { logit: 'z', answer: 'p' },
    step: { batch: 16 },
  })
  const pack = await run('keep model --data old -o a.keep')
  expect(pack.code, pack.stderr).toBe(0)
  const updated = await json(
    'update model --new new --keep a.keep --max-drop 30% --epochs 20 -o better --force',
  )
  expect(updated.accuracy ?? updated).toBeDefined()
  const hidden = await run('keep model --data old --private -o private.keep')
  expect(hidden.code, hidden.stderr).toBe(0)
  await json('update model --new new --keep private.keep --train head --max-drop 30% -o head --force')
  const gate = await json('gate model better --data old --max-drop 30%')
  expect(gate).toMatchObject({ schema: 'holdfast.gate/1' })
  const curve = await json('curve model better --old old --new new --points 3')
  expect(curve.points.map((point: { alpha: number }) => point.alpha)).toEqual([0, 0.5, 1])
  expect((await run('fisher model --data new -o f.safetensors')).code).toBe(0)
  expect((await run('grad model --batch batch.safetensors --loss cross-entropy -o g.safetensors')).code).toBe(
    0,
  )
  writeFileSync(
    join(folder, 'learn.yaml'),
    'data: {source: new}\nstream: {kind: split, scenario: class, classesPerTask: 2}\nmodel: {kind: onnx, path: model}\nmethod: {name: none}\niterations: 5\nbatchSize: 8\n',
  )
  const learned = await run('learn learn.yaml -o run')
  expect(learned.code, learned.stderr).toBe(0)
  const signature = (path: string) => {
    const { graph } = graphFromModel(decodeModel(new Uint8Array(readFileSync(join(folder, path)))))
    return [graph.inputs, graph.outputs, graph.nodes]
  }
  expect(signature('better/model.onnx')).toEqual(signature('model/model.onnx'))
}, 60_000)

test('a class more is refused with the way out', async () => {
  const { code, stderr } = await run('update model --new third --old old --max-drop 30% -o wider')
  expect(code).toBe(1)
  expect(stderr).toContain('head-binary')
  expect(stderr).toContain('one output a class')
})
