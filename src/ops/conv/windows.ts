import { ModelError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type AttributeReader, nodeLabel } from '../core/index.ts'

/** How windows slide along one spatial axis: window `o` reads the positions `o * stride + k * dilation - before`. */
export interface WindowAxis {
  readonly input: number
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  /** Padding before the first element. */
  readonly before: number
  /** Padding after the last element, as the node says it; windows may reach less far, or (ceil_mode) farther. */
  readonly after: number
  readonly output: number
}

export interface WindowContext {
  readonly op: string
  readonly name: string
  readonly attributes: AttributeReader
}

/** Elements from a window's first to its last, both counted. */
export const extent = (axis: Pick<WindowAxis, 'kernel' | 'dilation'>): number =>
  (axis.kernel - 1) * axis.dilation + 1

/** One past the last element that a window reads, counted in the input padded in front. */
export const reach = (axis: WindowAxis): number => (axis.output - 1) * axis.stride + extent(axis)

/** The padding at the end that the windows really reach into. */
export const paddingReached = (axis: WindowAxis): number =>
  Math.max(0, reach(axis) - axis.input - axis.before)

/**
 * Padding around dY, with its stride's zeros between, for the convolution with the kernel reversed that gives dX; less than 0 where a
 * window lies in the padding alone.
 */
export const paddingBack = (axis: WindowAxis) => ({
  before: extent(axis) - 1 - axis.before,
  after: axis.input + axis.before - axis.output * axis.stride,
})

/** Whether that convolution pads by no less than 0. */
export const reversible = (axes: readonly WindowAxis[]): boolean =>
  axes.map(paddingBack).every(({ before, after }) => before >= 0 && after >= 0)

export const outputSizes = (axes: readonly WindowAxis[]): number[] => axes.map((axis) => axis.output)

/** The `pads` attribute: all beginnings, then all ends. */
export const padsOf = (axes: readonly Pick<WindowAxis, 'before' | 'after'>[]): number[] => [
  ...axes.map((axis) => axis.before),
  ...axes.map((axis) => axis.after),
]

/** The attributes of windows that slide; `kernel_shape` follows from the weights. */
export const slidingOf = (axes: readonly WindowAxis[]) => ({
  strides: axes.map((axis) => axis.stride),
  dilations: axes.map((axis) => axis.dilation),
  pads: padsOf(axes),
})

/** A list attribute with one number a spatial axis. */
export function perAxis(context: WindowContext, name: string, length: number, fallback: number): number[] {
  const given = context.attributes.ints(name)
  if (given && given.length !== length) {
    throw new ModelError(
      'window-attribute',
      `${nodeLabel(context)}: attribute ${name} should hold ${length} numbers, but holds [${given}].`,
    )
  }
  return given ? [...given] : new Array<number>(length).fill(fallback)
}

/**
 * The windows of Conv and of pooling, from strides, dilations, pads and auto_pad:
 * output = floor((input + pads - extent) / stride) + 1, rounded up instead with `ceil`, though never so far that the last
 * window begins in the padding at the end. SAME_UPPER and SAME_LOWER give ceil(input / stride).
 */
export function windowAxes(
  context: WindowContext,
  input: readonly number[],
  kernel: readonly number[],
  ceil = false,
): WindowAxis[] {
  const rank = input.length
  const strides = perAxis(context, 'strides', rank, 1)
  const dilations = perAxis(context, 'dilations', rank, 1)
  const pads = perAxis(context, 'pads', 2 * rank, 0)
  const automatic = context.attributes.string('auto_pad', 'NOTSET')
  return input.map((size, at) => {
    const shape = {
      input: size,
      kernel: kernel[at] ?? 1,
      stride: strides[at] ?? 1,
      dilation: dilations[at] ?? 1,
    }
    const axis = automatic.startsWith('SAME')
      ? samePadded(shape, automatic === 'SAME_UPPER')
      : automatic === 'VALID'
        ? padded(shape, 0, 0, ceil)
        : padded(shape, itemAt(pads, at, 'pad'), itemAt(pads, at + rank, 'pad'), ceil)
    if (axis.output < 1) {
      throw new ModelError(
        'window-too-large',
        `${nodeLabel(context)}: a window of ${extent(axis)} elements does not fit the ${size} elements of spatial ` +
          `axis ${at} with ${axis.before} + ${axis.after} of padding. Use a larger input or more padding.`,
      )
    }
    return axis
  })
}

type AxisShape = Pick<WindowAxis, 'input' | 'kernel' | 'stride' | 'dilation'>

function padded(shape: AxisShape, before: number, after: number, ceil: boolean): WindowAxis {
  const room = shape.input + before + after - extent(shape)
  let output = (ceil ? Math.ceil(room / shape.stride) : Math.floor(room / shape.stride)) + 1
  if (ceil && (output - 1) * shape.stride >= shape.input + before) output--
  return { ...shape, before, after, output }
}

function samePadded(shape: AxisShape, upper: boolean): WindowAxis {
  const output = Math.ceil(shape.input / shape.stride)
  const total = Math.max(0, (output - 1) * shape.stride + extent(shape) - shape.input)
  const less = Math.floor(total / 2)
  return { ...shape, before: upper ? less : total - less, after: upper ? total - less : less, output }
}
