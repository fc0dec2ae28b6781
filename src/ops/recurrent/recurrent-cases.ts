import { type Attributes, floats, strings } from '../../onnx/graph.ts'
import type { CaseInput, OpCase } from '../core/index.ts'

const STEPS = 3
const BATCH = 2
const INPUTS = 2
const HIDDEN = 2

interface Variant {
  readonly name: string
  readonly direction?: 'forward' | 'reverse' | 'bidirectional'
  /** Which optional inputs are there. */
  readonly given?: readonly ('B' | 'lengths' | 'initial_h' | 'initial_c' | 'P')[]
  /** Default one row of all steps and one of fewer. */
  readonly lengths?: readonly number[]
  /** The lengths are an input of the graph, not known when it is built. */
  readonly fed?: boolean
  readonly attributes?: Attributes
  readonly outputs?: number
  readonly through?: readonly number[]
  readonly steps?: number
  readonly batchFirst?: true
  readonly opset?: number
}

/** The case of an op with so many gates. */
function recurrentCase(gates: number, variant: Variant): OpCase {
  const { name, direction, given = [], lengths = [STEPS, 1], fed, steps = STEPS } = variant
  const { attributes, outputs = 1, through, batchFirst, opset = batchFirst && 14 } = variant
  const directions = direction === 'bidirectional' ? 2 : 1
  const rows = gates * HIDDEN
  const state = { dims: batchFirst ? [BATCH, directions, HIDDEN] : [directions, BATCH, HIDDEN] }
  const optional = (input: (typeof given)[number], value: CaseInput) =>
    given.includes(input) ? value : undefined
  const inputs: (CaseInput | undefined)[] = [
    { dims: batchFirst ? [BATCH, steps, INPUTS] : [steps, BATCH, INPUTS] },
    { dims: [directions, rows, INPUTS] },
    { dims: [directions, rows, HIDDEN] },
    optional('B', { dims: [directions, 2 * rows] }),
    optional('lengths', { dims: [BATCH], type: 'int32', values: lengths, constant: !fed }),
    optional('initial_h', state),
    optional('initial_c', state),
    optional('P', { dims: [directions, 3 * HIDDEN] }),
  ]
  while (inputs.at(-1) === undefined) inputs.pop()
  return {
    name,
    inputs,
    attributes: {
      hidden_size: HIDDEN,
      ...(direction ? { direction } : {}),
      ...(batchFirst ? { layout: 1 } : {}),
      ...attributes,
    },
    outputs,
    ...(through ? { through } : {}),
    ...(opset ? { opset } : {}),
    ...(batchFirst ? { withoutKernel: true } : {}),
  }
}

const directions = ['forward', 'reverse', 'bidirectional'] as const

/** What all three ops have in common. `last` is how many outputs the op can have. */
const commonVariants = (last: number): Variant[] => [
  { name: 'weights alone' },
  ...directions.map((direction): Variant => ({ name: direction, direction, given: ['B'], outputs: last })),
  ...directions.map(
    (direction): Variant => ({
      name: `${direction}, lengths and first state`,
      direction,
      given: ['B', 'lengths', 'initial_h'],
      outputs: last,
    }),
  ),
  {
    name: 'lengths without first state, bidirectional',
    direction: 'bidirectional',
    given: ['lengths'],
    outputs: 2,
  },
  {
    name: 'lengths known at run time',
    direction: 'bidirectional',
    given: ['lengths'],
    fed: true,
    outputs: 2,
  },
  { name: 'lengths of all steps', given: ['lengths'], lengths: [STEPS, STEPS] },
  { name: 'first state, reverse', direction: 'reverse', given: ['B', 'initial_h'], outputs: last },
  {
    name: 'a row of no steps',
    direction: 'bidirectional',
    given: ['B', 'lengths', 'initial_h'],
    lengths: [0, 2],
    outputs: last,
  },
  {
    name: 'opset 7',
    direction: 'bidirectional',
    given: ['B', 'lengths', 'initial_h'],
    outputs: last,
    opset: 7,
  },
  { name: 'only Y_h', given: ['B'], outputs: 2, through: [1] },
  { name: 'only Y', given: ['B'], outputs: 2, through: [0] },
  {
    name: 'batch first, reverse',
    direction: 'reverse',
    given: ['B', 'initial_h'],
    outputs: last,
    batchFirst: true,
  },
  {
    name: 'batch first, bidirectional',
    direction: 'bidirectional',
    given: ['lengths'],
    outputs: last,
    batchFirst: true,
  },
  { name: 'one step', direction: 'bidirectional', given: ['B', 'initial_h'], steps: 1, outputs: 2 },
]

const named = (...names: string[]): Attributes => ({ activations: strings(names) })

/** The gates of Keras' older layers; the reverse direction has an alpha of its own, with no kink near these values. */
const hardGates = (alpha: number, ...others: string[]): Variant => ({
  name: 'HardSigmoid',
  direction: 'bidirectional',
  given: ['B'],
  attributes: {
    ...named('HardSigmoid', ...others, 'HardSigmoid', ...others),
    activation_alpha: floats([0.2, alpha]),
    activation_beta: floats([0.5, 0.45]),
  },
})

const rnnVariants: readonly Variant[] = [
  ...commonVariants(2),
  hardGates(0.6),
  { name: 'Relu', given: ['B'], attributes: named('Relu') },
  {
    name: 'an activation for each direction',
    direction: 'bidirectional',
    attributes: named('Sigmoid', 'Tanh'),
  },
]
export const rnnCases: readonly OpCase[] = rnnVariants.map((variant) => recurrentCase(1, variant))

const gruVariants: readonly Variant[] = [
  ...commonVariants(2),
  hardGates(0.6, 'Tanh'),
  ...commonVariants(2).map((variant) => ({
    ...variant,
    name: `${variant.name}, linear before reset`,
    attributes: { linear_before_reset: 1 },
  })),
  { name: 'other activations', given: ['B'], attributes: named('Tanh', 'Sigmoid') },
]
export const gruCases: readonly OpCase[] = gruVariants.map((variant) => recurrentCase(3, variant))

const lstmVariants: readonly Variant[] = [
  ...commonVariants(3),
  hardGates(0.22, 'Tanh', 'Tanh'),
  { name: 'only Y_c', given: ['B'], outputs: 3, through: [2] },
  { name: 'batch first, first cell', given: ['initial_c'], outputs: 3, batchFirst: true },
  ...directions.map(
    (direction): Variant => ({
      name: `${direction}, everything`,
      direction,
      given: ['B', 'lengths', 'initial_h', 'initial_c', 'P'],
      outputs: 3,
    }),
  ),
  { name: 'first cell alone', given: ['initial_c'], outputs: 3 },
  { name: 'peepholes', given: ['P'], outputs: 3 },
  { name: 'coupled gates', given: ['B', 'initial_c'], attributes: { input_forget: 1 }, outputs: 3 },
  {
    name: 'coupled gates and peepholes',
    given: ['B', 'initial_c', 'P'],
    attributes: { input_forget: 1 },
    outputs: 3,
  },
  { name: 'other activations', given: ['B'], attributes: named('Tanh', 'Sigmoid', 'Sigmoid') },
]
export const lstmCases: readonly OpCase[] = lstmVariants.map((variant) => recurrentCase(4, variant))
