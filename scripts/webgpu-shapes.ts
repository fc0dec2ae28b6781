// Holds ONNX Runtime's WebGPU provider against its CPU provider over drawn shapes that reach beyond a shader's blocks, where
// scripts/webgpu-cases.ts has each op's forms in small: node scripts/run.mjs scripts/webgpu-shapes.ts [--seed 1] [--count 40] [--only Conv,MatMul]
// Without a GPU: VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json XDG_RUNTIME_DIR=/tmp (Debian's chromium).
// Prints each graph that comes out wrong or is refused; ends with 1 where one was wrong.
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { HoldfastError } from '../src/errors.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { float as floatAttribute } from '../src/onnx/graph.ts'
import { ints, type Value } from '../src/ops/core/index.ts'
import { itemAt, required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, sizeOf, type Tensor } from '../src/tensor/tensor.ts'
import { comparedGraph } from '../test/webgpu-cases.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '40' },
    only: { type: 'string' },
  },
})
const random = randomStream(Number(values.seed), 'shapes')
const engines = [ortNode({ threads: 1 }), ortNode({ threads: 1, device: 'webgpu' })] as const

/** A graph of drawn inputs. */
class Drawn {
  readonly builder = new GraphBuilder(undefined, { flat: true })
  readonly feeds = new Map<string, Tensor>()
  readonly said: string[] = []

  number(low: number, high: number): number {
    return low + random.integer(high - low + 1)
  }
  pick<T>(choices: readonly T[]): T {
    return itemAt(choices, random.integer(choices.length), 'choice')
  }
  sizes(rank: number, high: number): number[] {
    return Array.from({ length: rank }, () => this.number(1, high))
  }
  private add(tensor: Tensor): Value {
    const name = `x${this.feeds.size}`
    this.said.push(`[${tensor.dims}]`)
    this.feeds.set(name, tensor)
    return this.builder.input(name, tensor)
  }
  input(dims: readonly number[], positive = false): Value {
    const tensor = float32(dims)
    random.fillNormal(tensor.data)
    if (positive)
      for (let at = 0; at < tensor.data.length; at++) tensor.data[at] = 0.1 + Math.abs(tensor.data[at] ?? 0)
    return this.add(tensor)
  }
  indices(dims: readonly number[], below: number): Value {
    return this.add({
      type: 'int32',
      dims,
      data: Int32Array.from({ length: sizeOf(dims) }, () => random.integer(below)),
    })
  }
  say<T>(name: string, value: T): T {
    this.said.push(`${name} ${value}`)
    return value
  }
}

type Draw = (drawn: Drawn) => readonly Value[]

const convolution =
  (op: 'Conv' | 'ConvTranspose'): Draw =>
  (d) => {
    const group = d.say('group', d.pick([1, 1, 1, 2, 3, 4, 8]))
    const [inner, outer] = [d.pick([1, d.number(1, 24)]), d.pick([1, d.number(1, 24)])]
    const rank = d.pick([1, 2, 2])
    const kernel = d.pick([1, 1, 2, 3, 3, 5])
    const side = d.number(7, 18)
    const spread = <T>(value: T) => Array.from({ length: rank }, () => value)
    const x = d.input([d.pick([1, 2, 5]), inner * group, ...spread(side)])
    const [first, second] = op === 'Conv' ? [outer * group, inner] : [inner * group, outer]
    const w = d.input([first, second, ...spread(kernel)])
    const bias = d.pick([true, false]) ? [d.input([outer * group])] : []
    const y = d.builder.op(op, [x, w, ...bias], {
      group,
      strides: spread(d.say('stride', d.pick([1, 1, 2]))),
      dilations: spread(d.say('dilation', d.pick([1, 1, 1, 2]))),
      pads: [...spread(0), ...spread(0)].fill(d.say('pad', kernel > 1 ? d.pick([0, 1]) : 0)),
    })
    return [d.pick([true, false]) ? d.builder.op('Relu', [y]) : y]
  }

const pool =
  (op: string): Draw =>
  (d) => {
    const kernel = d.say('kernel', d.pick([2, 3]))
    const pad = d.say('pad', d.pick([0, 1]))
    const stride = d.say('stride', d.pick([1, 2, 3]))
    const x = d.input([d.number(1, 4), d.number(1, 20), d.number(5, 20), d.number(5, 20)])
    return [
      d.builder.op(op, [x], {
        ...{ kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] },
        ceil_mode: d.say('ceil', d.pick([0, 1])),
        ...(op === 'AveragePool' && { count_include_pad: d.say('include', d.pick([0, 1])) }),
      }),
    ]
  }

const reduction =
  (op: string): Draw =>
  (d) => {
    const rank = d.number(1, 4)
    const x = d.input(d.sizes(rank, rank < 3 ? 300 : 20))
    const axes = x.dims.flatMap((_, axis) => (d.pick([true, false]) ? [axis] : []))
    if (axes.length === 0) axes.push(rank - 1)
    d.say('axes', axes)
    return [d.builder.op(op, [x, ints(d.builder, axes)], { keepdims: d.say('keep', d.pick([0, 1])) })]
  }

const binary =
  (op: string): Draw =>
  (d) => {
    const dims = d.sizes(d.number(1, 4), 24)
    const broadcast = (of: readonly number[]) =>
      of.slice(d.number(0, of.length - 1)).map((size) => (d.pick([true, true, false]) ? size : 1))
    return [d.builder.op(op, [d.input(dims), d.input(broadcast(dims), op === 'Div')])]
  }

const unary =
  (op: string): Draw =>
  (d) => [d.builder.op(op, [d.input(d.sizes(d.number(1, 4), 30), op === 'Log' || op === 'Sqrt')])]

const rows =
  (op: string): Draw =>
  (d) => {
    const x = d.input(d.sizes(d.number(2, 4), 40))
    return [d.builder.op(op, [x], { axis: d.say('axis', d.number(0, x.dims.length - 1)) })]
  }

const draws: Readonly<Record<string, Draw>> = {
  Conv: convolution('Conv'),
  ConvTranspose: convolution('ConvTranspose'),
  MatMul: (d) => {
    const [n, k, m] = d.sizes(3, 140) as [number, number, number]
    const batch = d.pick([[], [], [d.number(1, 5)], [d.number(1, 4), d.number(1, 4)]])
    const other = d.pick([batch, [], batch.map((size) => d.pick([size, 1]))])
    return [d.builder.op('MatMul', [d.input([...batch, n, k]), d.input([...other, k, m])])]
  },
  Gemm: (d) => {
    const [n, k, m] = d.sizes(3, 140) as [number, number, number]
    const [transA, transB] = [d.say('transA', d.pick([0, 1])), d.say('transB', d.pick([0, 1]))]
    const c = d.pick([undefined, [m], [n, m], [n, 1], [1, m]])
    const inputs = [
      d.input(transA ? [k, n] : [n, k]),
      d.input(transB ? [m, k] : [k, m]),
      ...(c ? [d.input(c)] : []),
    ]
    return [
      d.builder.op('Gemm', inputs, { transA, transB, alpha: floatAttribute(0.5), beta: floatAttribute(2) }),
    ]
  },
  Softmax: rows('Softmax'),
  LogSoftmax: rows('LogSoftmax'),
  ArgMax: rows('ArgMax'),
  LayerNormalization: (d) => {
    const dims = d.sizes(d.number(2, 3), 150)
    const width = [itemAt(dims, dims.length - 1, 'width')]
    return [d.builder.op('LayerNormalization', [d.input(dims), d.input(width), d.input(width)], { axis: -1 })]
  },
  BatchNormalization: (d) => {
    const [n, c, ...space] = d.sizes(d.number(2, 4), 20) as [number, number, ...number[]]
    const own = () => d.input([c])
    return [
      d.builder.op('BatchNormalization', [
        d.input([n, c, ...space]),
        own(),
        own(),
        own(),
        d.input([c], true),
      ]),
    ]
  },
  Transpose: (d) => {
    const x = d.input(d.sizes(d.number(2, 5), 12))
    const perm = random.shuffle(Array.from(x.dims.keys()))
    return [d.builder.op('Transpose', [x], { perm: d.say('perm', perm) })]
  },
  Concat: (d) => {
    const dims = d.sizes(d.number(1, 4), 12)
    const axis = d.say('axis', d.number(0, dims.length - 1))
    const parts = Array.from({ length: d.number(2, 12) }, () =>
      d.input(dims.map((size, at) => (at === axis ? d.number(1, 9) : size))),
    )
    return [d.builder.op('Concat', parts, { axis })]
  },
  Split: (d) => {
    const dims = d.sizes(d.number(1, 3), 12)
    const axis = d.say('axis', d.number(0, dims.length - 1))
    const sizes = d.sizes(d.number(2, 11), 6)
    d.say('sizes', sizes)
    const x = d.input(
      dims.map((size, at) => (at === axis ? sizes.reduce((sum, each) => sum + each, 0) : size)),
    )
    return d.builder.ops('Split', [x, ints(d.builder, sizes)], sizes.length, { axis })
  },
  Slice: (d) => {
    const x = d.input(d.sizes(d.number(1, 4), 16))
    const parts = x.dims.map((size) => {
      const from = d.number(0, size - 1)
      return [from, d.number(from + 1, size), d.pick([1, 1, 2, 3])] as const
    })
    d.say('parts', parts.join(' '))
    const column = (at: 0 | 1 | 2) =>
      ints(
        d.builder,
        parts.map((part) => part[at]),
      )
    return [d.builder.op('Slice', [x, column(0), column(1), ints(d.builder, [...x.dims.keys()]), column(2)])]
  },
  Pad: (d) => {
    const x = d.input(d.sizes(d.number(1, 4), 12))
    const pads = [...x.dims, ...x.dims].map(() => d.number(0, 5))
    return [d.builder.op('Pad', [x, ints(d.builder, d.say('pads', pads))])]
  },
  Expand: (d) => {
    const dims = d.sizes(d.number(1, 4), 16)
    const x = d.input(dims.map((size) => d.pick([size, 1])))
    return [d.builder.op('Expand', [x, ints(d.builder, d.say('to', dims))])]
  },
  Tile: (d) => {
    const x = d.input(d.sizes(d.number(1, 4), 9))
    return [d.builder.op('Tile', [x, ints(d.builder, d.say('times', d.sizes(x.dims.length, 4)))])]
  },
  Gather: (d) => {
    const x = d.input(d.sizes(d.number(1, 3), 40))
    const axis = d.say('axis', d.number(0, x.dims.length - 1))
    return [d.builder.op('Gather', [x, d.indices(d.sizes(d.number(1, 2), 12), x.dims[axis] ?? 1)], { axis })]
  },
  GatherElements: (d) => {
    const x = d.input(d.sizes(d.number(1, 3), 20))
    const axis = d.say('axis', d.number(0, x.dims.length - 1))
    const dims = x.dims.map((size, at) => (at === axis ? d.number(1, 9) : size))
    return [d.builder.op('GatherElements', [x, d.indices(dims, x.dims[axis] ?? 1)], { axis })]
  },
  CumSum: (d) => {
    const x = d.input(d.sizes(d.number(1, 3), 40))
    const axis = d.say('axis', d.number(0, x.dims.length - 1))
    const scalar = d.builder.constant({ type: 'int32', dims: [], data: Int32Array.of(axis) })
    return [d.builder.op('CumSum', [x, scalar], { reverse: d.say('reverse', d.pick([0, 1])) })]
  },
  Where: (d) => {
    const x = d.input(d.sizes(d.number(1, 4), 20))
    const other = d.input(x.dims.map((size) => d.pick([size, 1])))
    return [d.builder.op('Where', [d.builder.op('Greater', [x, other]), x, other])]
  },
  LSTM: (d) => {
    const [time, batch, inputs, hidden] = [d.number(1, 6), d.number(1, 5), d.number(1, 24), d.number(1, 24)]
    const weights = [[inputs], [hidden]].map(([width = 1]) => d.input([1, 4 * hidden, width]))
    const x = d.input([time, batch, inputs])
    return [d.builder.op('LSTM', [x, ...weights, d.input([1, 8 * hidden])], { hidden_size: hidden })]
  },
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  ...Object.fromEntries(
    ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSumSquare', 'ReduceL2'].map((op) => [
      op,
      reduction(op),
    ]),
  ),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'].map((op) => [op, binary(op)])),
  ...Object.fromEntries(
    ['Relu', 'Erf', 'Gelu', 'Tanh', 'Sigmoid', 'Exp', 'Log', 'Sqrt', 'HardSigmoid', 'Softplus'].map((op) => [
      op,
      unary(op),
    ]),
  ),
}

const counts = { right: 0, refused: 0, wrong: 0 }
const only = values.only?.split(',') ?? Object.keys(draws)
for (const name of only) {
  for (let turn = 0; turn < Number(values.count); turn++) {
    const drawn = new Drawn()
    let names: string[]
    try {
      names = required(
        new Map(Object.entries(draws)),
        name,
        'op',
      )(drawn).map((value, at) => drawn.builder.output(value, `y${at}`).name)
    } catch (error) {
      // Windows larger than what they slide over, which no shape rule takes.
      if (error instanceof HoldfastError) continue
      throw error
    }
    const bytes = encodeGraph(drawn.builder.finish('shapes'))
    const what = (at: number) => itemAt(names, at, 'output')
    const said = await comparedGraph(engines, bytes, { feeds: drawn.feeds, names, what }, 1e-5)
    counts[said.kind]++
    if (said.kind !== 'right')
      console.log(`${said.kind}: ${name} ${drawn.said.join(', ')}: ${said.why.slice(0, 240)}`)
  }
}
console.log(`${counts.right} right, ${counts.refused} refused, ${counts.wrong} wrong`)
process.exitCode = counts.wrong > 0 ? 1 : 0
