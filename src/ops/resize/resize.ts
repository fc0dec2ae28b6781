import { UnsupportedOpError } from '../../errors.ts'
import { float32, sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  constantInput,
  defineOp,
  type Emitter,
  fromNumbers,
  nodeLabel,
  positiveAxis,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  scale as scaled,
  shapeError,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { resizeCases } from './resize-cases.ts'
import {
  coordinateTransforms,
  type Interpolation,
  type ResizeAxis,
  repeatFactor,
  resizeTaps,
  type Tap,
} from './resize-weights.ts'

const [REGION, SCALES, SIZES] = [1, 2, 3]

type Context = Omit<ShapeContext, 'outputs'>

/** The numbers of an optional input; none where it is left out or, as exporters write it, empty. */
function numbersOf(context: ShapeContext, index: number): number[] | undefined {
  const given = context.inputs[index]
  if (!given || sizeOf(given.dims) === 0) return undefined
  return toNumbers(constantInput(context, index))
}

/** Every axis of the input, resized or not. */
function resizeAxes(anyContext: Context): ResizeAxis[] {
  const context: ShapeContext = { ...anyContext, outputs: 1 }
  const { dims } = required(context, 0)
  const given = context.attributes.ints('axes') ?? dims.map((_, axis) => axis)
  const axes = given.map((axis) => positiveAxis(context, axis, dims.length))
  const lengthOf = (axis: number) => dims[axis] ?? 1
  const scales = numbersOf(context, SCALES)
  const sizes = scales ? undefined : numbersOf(context, SIZES)
  const asked = scales ?? sizes
  if (asked?.length !== axes.length)
    throw shapeError(context, `scales or sizes must hold one number for each of the axes [${axes}].`)
  const region = numbersOf(context, REGION)
  const resized = axes.map((axis, at): ResizeAxis => {
    const input = lengthOf(axis)
    const number = asked[at] ?? 1
    const part = { region: [region?.[at] ?? 0, region?.[at + axes.length] ?? 1] as const }
    // In float32, as the runtime does: 0.6 of 5 is 3, but the float32 next to 0.6 may say 2.9999998.
    return sizes
      ? { input, output: number, scale: Math.fround(number / input), ...part }
      : { input, output: Math.trunc(Math.fround(number * input)), scale: number, ...part }
  })
  const kept = keepAspectRatio(
    resized,
    sizes && context.attributes.string('keep_aspect_ratio_policy', 'stretch'),
  )
  return dims.map((dim, axis) => {
    const at = axes.indexOf(axis)
    return kept[at] ?? { input: dim, output: dim, scale: 1, region: [0, 1] }
  })
}

/** One scale for all axes: the smallest or the largest that the sizes ask for. */
function keepAspectRatio(axes: readonly ResizeAxis[], policy: string | undefined): readonly ResizeAxis[] {
  if (policy === undefined || policy === 'stretch') return axes
  const scales = axes.map(({ scale }) => scale)
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales)
  return axes.map((axis) => ({ ...axis, scale, output: Math.round(Math.fround(scale * axis.input)) }))
}

function interpolationOf(context: Context): Interpolation {
  const { attributes } = context
  const transform = attributes.string('coordinate_transformation_mode', 'half_pixel')
  if (!coordinateTransforms.has(transform)) {
    throw new UnsupportedOpError(
      'resize-transform',
      `${nodeLabel(context)}: coordinate_transformation_mode "${transform}" is not one of ${[...coordinateTransforms].join(', ')}.`,
    )
  }
  return {
    mode: attributes.string('mode', 'nearest'),
    transform,
    nearest: attributes.string('nearest_mode', 'round_prefer_floor'),
    cubic: attributes.float('cubic_coeff_a', -0.75),
    excludeOutside: attributes.int('exclude_outside', 0) !== 0,
    antialias: attributes.int('antialias', 0) !== 0,
  }
}

function resizeShape(context: ShapeContext): TensorType[] {
  interpolationOf(context)
  return [{ type: required(context, 0).type, dims: resizeAxes(context).map(({ output }) => output) }]
}

/** dx along one axis: its elements gather their shares of dy, by a product with the transposed weights. */
function gatherShares(emit: Emitter, dy: Value, axis: number, input: number, taps: readonly Tap[][]): Value {
  const output = taps.length
  const last = axis === dy.dims.length - 1
  const weights = new Array<number>(input * output).fill(0)
  taps.forEach((of, place) => {
    for (const { from, share } of of) {
      const cell = last ? place * input + from : from * output + place
      weights[cell] = (weights[cell] ?? 0) + share
    }
  })
  const matrix = emit.constant(fromNumbers(dy.type, last ? [output, input] : [input, output], weights))
  if (last) return emit.op('MatMul', [dy, matrix])
  const lead = dy.dims.slice(0, axis)
  const trail = dy.dims.slice(axis + 1)
  const stacked = reshape(emit, dy, [sizeOf(lead), output, sizeOf(trail)])
  return reshape(emit, emit.op('MatMul', [matrix, stacked]), [...lead, input, ...trail])
}

/**
 * Resizing along an axis is a product with a constant matrix, so the gradient is one with the transposed matrix, axis by
 * axis. Where elements were only repeated, it is their sum: AveragePool times their number. Milliseconds, one thread,
 * for that, for ReduceSum over split axes, for the two products: [8,32,128,128] to half 4.0, 6.7, 12.1; [16,128,16,16]
 * to half 0.17, 0.69, 0.62.
 */
function resizeBack(context: Context, emit: Emitter, dy: Value): Value {
  const how = interpolationOf(context)
  const axes = resizeAxes(context).map((axis) => ({ ...axis, taps: resizeTaps(axis, how) }))
  const factors = axes.map((axis) => repeatFactor(axis, axis.taps))
  const [samples, channels, ...spatial] = factors
  const pools = samples === 1 && channels === 1 && spatial.length <= 3
  if (pools && dy.type === 'float32' && spatial.every((factor) => factor !== undefined)) {
    const means = emit.op('AveragePool', [dy], { kernel_shape: spatial, strides: spatial })
    return scaled(emit, means, sizeOf(spatial))
  }
  return axes.reduceRight(
    (sum, { input, taps }, axis) => (factors[axis] === 1 ? sum : gatherShares(emit, sum, axis, input, taps)),
    dy,
  )
}

/** Opset 10 knew one rule, and scales as the second input; from 11 on left-out inputs were written as empty ones. */
function upgradeResize({ attributes, inputs, opset, emit }: UpgradeContext) {
  const [x, second, scales, sizes] = inputs
  const filled = (input: Value | undefined) => (input && sizeOf(input.dims) > 0 ? input : undefined)
  if (opset > 10 || !x) return { inputs: [x, filled(second), filled(scales), filled(sizes)], attributes }
  return asymmetricResize(emit, x, second, attributes.mode === 'linear' ? 'linear' : 'nearest')
}

/**
 * The form that Resize had in opset 10, and Upsample before it: place / scale, and for the nearest neighbour the element
 * before it where an axis grows, the one after it where it shrinks. An input that does both is shrunk first.
 */
export function asymmetricResize(emit: Emitter, x: Value, scales: Value | undefined, mode: string) {
  const factors = scales?.constant ? toNumbers(scales.constant) : undefined
  const attributes = { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
  if (!factors) return { inputs: [x, undefined, scales], attributes }
  const part = (keep: (factor: number) => boolean) =>
    emit.constant(
      float32(
        [factors.length],
        factors.map((factor) => (keep(factor) ? factor : 1)),
      ),
    )
  const shrinks = (factor: number) => factor < 1
  if (mode === 'linear' || !factors.some(shrinks)) return { inputs: [x, undefined, scales], attributes }
  const shrinking = { ...attributes, nearest_mode: 'ceil' }
  if (!factors.some((factor) => factor > 1)) return { inputs: [x, undefined, scales], attributes: shrinking }
  const less = emit.op('Resize', [x, undefined, part(shrinks)], shrinking)
  return { inputs: [less, undefined, part((factor) => !shrinks(factor))], attributes }
}

/**
 * Nearest, linear or cubic resizing, by scales or to sizes. ONNX Runtime's CPU has it for float32 and small integers,
 * linear for up to three resized axes, cubic for two.
 */
export const Resize = defineOp('Resize', {
  shape: resizeShape,
  gradient: (context) => {
    const [dy] = context.gradients
    if (!dy) return []
    return [resizeBack(context, context.emit, dy)]
  },
  rows: (context) => rowsFirst(context) && resizeAxes({ op: 'Resize', name: '', ...context })[0]?.scale === 1,
  upgrade: upgradeResize,
  cases: resizeCases(),
})
