// Forms of a convolution's gradients against each other: one thread, alternating, medians, weights as inputs.
//   node scripts/run.mjs bench/conv-forms.ts [--rounds 9] [--only dW] [--from 10]
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import type { Executable } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { convolutionForm, inputGradientForm, weightGradientForm } from '../src/ops/conv/conv-forms.ts'
import { byReversedKernel, byTransposedConvolution } from '../src/ops/conv/conv-input-gradient.ts'
import {
  byChannelMatrices,
  byChannelMatricesBack,
  byChannelProducts,
  byOneProduct,
  byOneProductBack,
  byRowProducts,
  byUnfoldingMatrix,
  readingSize,
} from '../src/ops/conv/conv-matrix.ts'
import {
  byGathering,
  bySamples,
  byShifting,
  bySwappedConvolution,
  byUnfolding,
} from '../src/ops/conv/conv-weight-gradient.ts'
import type { WindowAxis } from '../src/ops/conv/windows.ts'
import type { Value } from '../src/ops/core/define.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    only: { type: 'string' },
    from: { type: 'string', default: '0' },
  },
})

interface Layer {
  readonly batch: number
  readonly channels: number
  readonly outputs: number
  readonly side: number
  readonly kernel: number
  readonly stride: number
  readonly groups: number
}

const layer = (channels: number, outputs: number, side: number, more: Partial<Layer> = {}): Layer => ({
  batch: 64,
  channels,
  outputs,
  side,
  kernel: 3,
  stride: 1,
  groups: 1,
  ...more,
})

/** The five of `cnn-small`, then other shapes that networks are made of. */
const layers: readonly Layer[] = [
  layer(3, 32, 32),
  layer(32, 32, 32),
  layer(32, 64, 16),
  layer(64, 64, 16),
  layer(64, 128, 8),
  layer(128, 128, 8),
  layer(32, 64, 32, { stride: 2 }),
  layer(64, 64, 16, { kernel: 1 }),
  layer(64, 64, 16, { groups: 2 }),
  layer(64, 64, 16, { groups: 64 }),
  // Late layers of ResNet-18 on 64 x 64 pixels, and those of MobileNet v2.
  layer(128, 128, 8, { batch: 16 }),
  layer(256, 256, 4, { batch: 16 }),
  layer(256, 512, 4, { batch: 16, stride: 2 }),
  layer(512, 512, 2, { batch: 16 }),
  layer(96, 576, 4, { batch: 16, kernel: 1 }),
  layer(160, 960, 2, { batch: 16, kernel: 1 }),
  layer(960, 160, 2, { batch: 16, kernel: 1 }),
  layer(960, 960, 2, { batch: 16, groups: 960 }),
  layer(384, 384, 4, { batch: 16, groups: 384 }),
  layer(576, 576, 4, { batch: 16, stride: 2, groups: 576 }),
  layer(192, 192, 8, { batch: 16, groups: 192 }),
  layer(144, 144, 16, { batch: 16, groups: 144 }),
  layer(144, 144, 16, { batch: 16, stride: 2, groups: 144 }),
  layer(96, 96, 32, { batch: 16, stride: 2, groups: 96 }),
  layer(32, 32, 32, { batch: 16, groups: 32 }),
]

const weightForms = {
  byGathering,
  byShifting,
  bySamples,
  byUnfolding,
  bySwappedConvolution,
  byUnfoldingMatrix,
  byChannelProducts,
  byRowProducts,
}
const inputForms = { byReversedKernel, byTransposedConvolution, byOneProductBack, byChannelMatricesBack }
const forms = { byOneProduct, byChannelMatrices }
const ungrouped: readonly unknown[] = [
  byGathering,
  byShifting,
  byUnfoldingMatrix,
  byOneProductBack,
  byOneProduct,
]
const depthwise: readonly unknown[] = [
  byChannelProducts,
  byRowProducts,
  byChannelMatricesBack,
  byChannelMatrices,
]
const unstrided: readonly unknown[] = [byReversedKernel, byShifting]
/** A constant matrix larger than this is not worth trying. */
const LARGEST_READING = 2 ** 18
const reading: readonly unknown[] = [
  byUnfoldingMatrix,
  byOneProductBack,
  byOneProduct,
  byChannelProducts,
  byChannelMatricesBack,
  byChannelMatrices,
]

/** Whether a form can do a layer. */
function suits(form: unknown, { groups, channels, outputs, stride }: Layer, axes: readonly WindowAxis[]) {
  if (ungrouped.includes(form) && groups > 1) return false
  if (depthwise.includes(form) && !(groups > 1 && groups === channels && groups === outputs)) return false
  if (unstrided.includes(form) && stride > 1) return false
  return !(reading.includes(form) && readingSize(axes) > LARGEST_READING)
}

const windowsOf = ({ side, kernel, stride }: Layer): WindowAxis[] => {
  const pad = (kernel - 1) / 2
  const output = Math.floor((side + 2 * pad - kernel) / stride) + 1
  const axis = { input: side, kernel, stride, dilation: 1, before: pad, after: pad, output }
  return [axis, axis]
}

interface Contender {
  readonly name: string
  readonly executable: Executable
  readonly milliseconds: number[]
}

async function contender(
  name: string,
  feeds: ReadonlyMap<string, Tensor>,
  emit: (builder: GraphBuilder, x: Value, dy: Value, w: Value) => Value,
): Promise<Contender> {
  const builder = new GraphBuilder()
  const input = (key: string) => builder.input(key, feeds.get(key) ?? float32([]))
  builder.output(emit(builder, input('x'), input('dy'), input('w')), 'result')
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish(name)))
  return { name, executable, milliseconds: [] }
}

async function contenders(shape: Layer, feeds: ReadonlyMap<string, Tensor>): Promise<Contender[]> {
  const axes = windowsOf(shape)
  const { groups, outputs, channels, kernel, stride } = shape
  const dims = [outputs, channels / groups, kernel, kernel]
  const xDims = [shape.batch, channels, shape.side, shape.side]
  const pad = (kernel - 1) / 2
  const attributes = { pads: [pad, pad, pad, pad], strides: [stride, stride], group: groups }
  const output = axes.map((axis) => axis.output)
  // As the runtime's own op: asked for by `op`, the builder would choose the form.
  const conv = (b: GraphBuilder, x: Value, w: Value): Value =>
    b.raw('Conv', [x, w], [{ type: 'float32', dims: [shape.batch, outputs, ...output] }], attributes)[0] ?? x
  const list = [contender('Y Conv', feeds, (b, x, _, w) => conv(b, x, w))]
  for (const [name, form] of Object.entries(forms)) {
    if (!suits(form, shape, axes)) continue
    list.push(
      contender(
        `Y ${name}${form === convolutionForm(xDims, dims, axes, groups) ? '*' : ''}`,
        feeds,
        (b, x, _, w) => form(b, x, w, axes, groups),
      ),
    )
  }
  for (const [name, form] of Object.entries(inputForms)) {
    if (!suits(form, shape, axes)) continue
    const chosen = form === inputGradientForm(xDims, dims, axes, groups) ? '*' : ''
    list.push(contender(`dX ${name}${chosen}`, feeds, (b, _, dy, w) => form(b, dy, w, axes, groups)))
  }
  for (const [name, form] of Object.entries(weightForms)) {
    if (!suits(form, shape, axes)) continue
    const chosen = form === weightGradientForm(xDims, dims, axes, groups) ? '*' : ''
    list.push(contender(`dW ${name}${chosen}`, feeds, (b, x, dy) => form(b, x, dy, axes, groups)))
  }
  const all = await Promise.all(list)
  return all.filter(({ name }) => !values.only || name.startsWith(values.only))
}

const random = randomStream(1, 'conv-forms')
const drawn = (dims: readonly number[]): Tensor => {
  const tensor = float32(dims)
  for (let at = 0; at < tensor.data.length; at++) tensor.data[at] = random.uniform() - 0.5
  return tensor
}

for (const shape of layers.slice(Number(values.from))) {
  const { batch, channels, outputs, side, kernel, stride, groups } = shape
  const [axis] = windowsOf(shape)
  const output = axis?.output ?? side
  const feeds = new Map([
    ['x', drawn([batch, channels, side, side])],
    ['dy', drawn([batch, outputs, output, output])],
    ['w', drawn([outputs, channels / groups, kernel, kernel])],
  ])
  const all = await contenders(shape, feeds)
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const { executable, milliseconds } of all) {
      const used = new Map([...feeds].filter(([name]) => executable.inputs.includes(name)))
      const began = performance.now()
      await executable.run(used)
      // The first round warms.
      if (round > 0) milliseconds.push(performance.now() - began)
    }
  }
  const flops = (2 * batch * output * output * kernel * kernel * channels * outputs) / groups
  console.log(
    `batch ${batch}, ${channels}-${outputs}, ${side} x ${side}, kernel ${kernel}, stride ${stride}, groups ${groups}`,
  )
  for (const { name, milliseconds, executable } of all) {
    const ms = median(milliseconds)
    const fastest = Math.min(...milliseconds)
    console.log(
      `  ${name.padEnd(28)} ${ms.toFixed(2).padStart(7)} ms, fastest ${fastest.toFixed(2).padStart(7)}  ${(flops / ms / 1e6).toFixed(0)} GFLOP/s`,
    )
    await executable.dispose()
  }
}
