import { UsageError } from '../../errors.ts'
import { type RandomStream, randomStream } from '../../tensor/random.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'

/**
 * How a parameter starts, by PyTorch's names for its defaults. For a weight [out, in, ...kernel] fan-in is in times
 * the kernel's size, fan-out is out times that.
 *
 * - `kaiming-uniform`: U(-b, b) with b = 1 / sqrt(fan-in), the default of Linear and Conv weights (He et al. 2015 with
 *   a = sqrt 5).
 * - `bias-uniform`: the same bound, from the fan-in of the weight beside it; the default of their biases.
 * - `kaiming-normal`: N(0, 2 / fan-out), for a convolution before ReLU, as residual networks start.
 * - `xavier-uniform`, `xavier-normal`: variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).
 * - `normal`: N(0, 1), the default of Embedding.
 * - `trunc-normal`: N(0, 0.02^2) cut off at two standard deviations, as transformers start.
 * - `zeros`, `ones`.
 */
export type Initialisation =
  | 'kaiming-uniform'
  | 'bias-uniform'
  | 'kaiming-normal'
  | 'xavier-uniform'
  | 'xavier-normal'
  | 'normal'
  | 'trunc-normal'
  | 'zeros'
  | 'ones'

export interface ParameterPlan {
  readonly name: string
  readonly dims: readonly number[]
  readonly initialisation: Initialisation
  /** Default from `dims`; a bias needs that of its weight. */
  readonly fanIn?: number
}

/** Standard deviation of `trunc-normal`, before it is cut off. */
const TRUNCATED_DEVIATION = 0.02

/**
 * A parameter's first values. Each is drawn from its own stream `initialise/<name>`, so that adding a layer changes no
 * other layer's numbers.
 *
 * @throws UsageError `fan` when the fan-in cannot be told from the dims (a bias by itself).
 * @example
 * const weight = initialise({ name: 'fc.weight', dims: [10, 784], initialisation: 'kaiming-uniform' }, 1)
 */
export function initialise(plan: ParameterPlan, seed: number): Tensor<'float32'> {
  const tensor = float32(plan.dims)
  fill(tensor.data, plan, randomStream(seed, `initialise/${plan.name}`))
  return tensor
}

function fill(data: Float32Array, plan: ParameterPlan, random: RandomStream): void {
  const uniform = (bound: number): void => random.fillUniform(data, -bound, bound)
  switch (plan.initialisation) {
    case 'zeros':
      return
    case 'ones':
      data.fill(1)
      return
    case 'normal':
      random.fillNormal(data)
      return
    case 'trunc-normal':
      fillTruncated(data, random)
      return
    case 'kaiming-uniform':
    case 'bias-uniform':
      uniform(1 / Math.sqrt(fans(plan).fanIn))
      return
    case 'kaiming-normal':
      random.fillNormal(data, 0, Math.sqrt(2 / fans(plan).fanOut))
      return
    case 'xavier-uniform':
      uniform(Math.sqrt(3) * xavierDeviation(plan))
      return
    case 'xavier-normal':
      random.fillNormal(data, 0, xavierDeviation(plan))
  }
}

function xavierDeviation(plan: ParameterPlan): number {
  const { fanIn, fanOut } = fans(plan)
  return Math.sqrt(2 / (fanIn + fanOut))
}

function fillTruncated(data: Float32Array, random: RandomStream): void {
  for (let index = 0; index < data.length; index++) {
    let value = random.normal()
    while (Math.abs(value) > 2) value = random.normal()
    data[index] = TRUNCATED_DEVIATION * value
  }
}

function fans({ name, dims, fanIn, initialisation }: ParameterPlan): { fanIn: number; fanOut: number } {
  const [out = 1, inputs = 1, ...kernel] = dims
  if (fanIn === undefined && dims.length < 2) {
    throw new UsageError(
      'fan',
      `Parameter "${name}" of dims [${dims}] has no fan-in to start as ${initialisation} by. Give fanIn, that of the weight beside it.`,
    )
  }
  const field = sizeOf(kernel)
  return { fanIn: fanIn ?? inputs * field, fanOut: out * field }
}
