import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stepContext } from '../../test/method-contexts.ts'
import { engine, relativeError, torchValues } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import type { Value } from '../ops/core/define.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { emptyState, type MethodState } from './method.ts'
import { mergeQuadratic, type PenaltyStep, penaltyInputs, quadraticPenalty } from './quadratic.ts'

const given = torchValues('ewc')
const NAMES = ['weight', 'bias'] as const
const LAMBDA = 50

const row = (tensor: Tensor, at: number): Tensor<'float32'> => {
  const [, ...dims] = tensor.dims
  const size = dims.reduce((product, dim) => product * dim, 1)
  return float32(dims, (tensor.data as Float32Array).slice(at * size, (at + 1) * size))
}
const named = (kind: string, at: number) =>
  new Map(NAMES.map((name) => [name, row(given(`${kind}/${name}`), at)] as const))
const theta = new Map<string, Tensor>(NAMES.map((name) => [name, given(`theta/${name}`)]))

/** The state after some tasks of the given importance and anchors. */
function remembered(
  tasks: readonly { importance: ReadonlyMap<string, Tensor>; anchor: ReadonlyMap<string, Tensor> }[],
  options: { decay: number; latestAnchor: boolean },
): MethodState {
  return tasks.reduce<MethodState>((state, { importance, anchor }) => {
    const merged = mergeQuadratic(state, importance, anchor, options)
    const constant = Number(state.values.constant ?? 0) + merged.constant
    return { tensors: merged.tensors, values: { constant } }
  }, emptyState)
}

const fixtureTasks = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ importance: named('fisher', at), anchor: named('anchor', at) }))

/** The penalty at given parameters: its value, its gradient, and its step on them at a learning rate. */
async function penaltyAt(
  state: MethodState,
  at: ReadonlyMap<string, Tensor>,
  options: { lambda?: number; step?: PenaltyStep; rate?: number } = {},
): Promise<{ value: number; gradients: Map<string, Tensor>; updated: Map<string, Tensor> }> {
  const { lambda = LAMBDA, step = 'explicit', rate = 0.1 } = options
  const builder = new GraphBuilder()
  const tensors = penaltyInputs(state, lambda)
  const parameters = new Map([...at].map(([name, tensor]) => [name, builder.input(name, tensor)] as const))
  const terms = quadraticPenalty(
    stepContext(builder, {
      parameters,
      inputs: new Map([...tensors].map(([key, tensor]) => [key, builder.constant(tensor)])),
      learningRate: builder.constant(float32([], [rate])),
    }),
    step,
    lambda * Number(state.values.constant ?? 0),
  )
  for (const { name, value } of terms.reports ?? []) builder.output(value, name)
  const zeros = new Map<string, Value>(
    [...at].map(([name, { dims }]) => [name, builder.constant(float32(dims))]),
  )
  for (const [name, value] of terms.gradients?.(zeros) ?? []) builder.output(value, `gradient/${name}`)
  for (const [name, value] of parameters) {
    const moved = terms.updated?.(name, value)
    if (moved) builder.output(moved, `updated/${name}`)
  }
  const executable = await engine.load(encodeGraph(builder.finish('penalty')))
  const outputs = await executable.run(new Map([...at].filter(([name]) => executable.inputs.includes(name))))
  await executable.dispose()
  const under = (prefix: string) =>
    new Map(
      [...outputs].flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), tensor] as const] : [],
      ),
    )
  const [value = Number.NaN] = toNumbers(outputs.get('penalty') ?? float32([0]))
  return { value, gradients: under('gradient/'), updated: under('updated/') }
}

describe("the penalty is PyTorch's", () => {
  it.each([
    ['ewc-1', 1, { decay: 1, latestAnchor: false }],
    ['ewc-3', 3, { decay: 1, latestAnchor: false }],
    ['online-1', 1, { decay: 0.9, latestAnchor: true }],
    ['online-2', 2, { decay: 0.9, latestAnchor: true }],
    ['online-3', 3, { decay: 0.9, latestAnchor: true }],
  ] as const)('%s', async (kind, tasks, options) => {
    const state = remembered(fixtureTasks(tasks), options)
    const { value, gradients } = await penaltyAt(state, theta)
    const [expected = 0] = toNumbers(given(`${kind}/penalty`))
    expect(Math.abs(value - expected) / expected).toBeLessThan(1e-5)
    for (const name of NAMES) {
      expect(relativeError(gradients.get(name), given(`${kind}-gradient/${name}`))).toBeLessThan(1e-5)
      if (kind.startsWith('online')) {
        expect(
          relativeError(state.tensors.get(`importance/${name}`), given(`${kind}-fisher/${name}`)),
        ).toBeLessThan(1e-6)
      }
    }
  })
})

describe('completing the square', () => {
  it('gives the sum of the separate penalties, by hand', async () => {
    // 1/2 [2 (3 - 1)^2 + 6 (3 - 5)^2] = 16, though A = 8 and the anchor is 4: 1/2 8 (3 - 4)^2 = 4, and 12 is constant.
    const one = (value: number) => new Map([['w', float32([1], [value])]])
    const state = remembered(
      [
        { importance: one(2), anchor: one(1) },
        { importance: one(6), anchor: one(5) },
      ],
      { decay: 1, latestAnchor: false },
    )
    expect(toNumbers(state.tensors.get('importance/w') ?? float32([0]))).toEqual([8])
    expect(toNumbers(state.tensors.get('anchor/w') ?? float32([0]))).toEqual([4])
    expect(state.values.constant).toBe(12)
    const { value, gradients } = await penaltyAt(state, one(3), { lambda: 10 })
    expect(value).toBeCloseTo(160, 4)
    expect(toNumbers(gradients.get('w') ?? float32([0]))).toEqual([-80])
  })

  it('holds for any number of tasks', () => {
    const part = fc.record({
      importance: fc.float({ min: 0, max: 100, noNaN: true }),
      anchor: fc.float({ min: -10, max: 10, noNaN: true }),
    })
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 20 }),
        fc.double({ min: -10, max: 10, noNaN: true }),
        (parts, at) => {
          const one = (value: number) => new Map([['w', float32([1], [value])]])
          const state = remembered(
            parts.map(({ importance, anchor }) => ({ importance: one(importance), anchor: one(anchor) })),
            { decay: 1, latestAnchor: false },
          )
          const [strength = 0] = toNumbers(state.tensors.get('importance/w') ?? float32([0]))
          const [anchor = 0] = toNumbers(state.tensors.get('anchor/w') ?? float32([0]))
          const found = (strength * (at - anchor) ** 2) / 2 + Number(state.values.constant)
          const expected = parts.reduce(
            (sum, part) => sum + (part.importance * (at - part.anchor) ** 2) / 2,
            0,
          )
          expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-4 * Math.max(1, expected))
          expect(state.tensors.size).toBe(2)
        },
      ),
    )
  })

  it('takes the newest anchor where nothing matters yet', () => {
    const tensors = (value: number) => new Map([['w', float32([2], [value, value])]])
    const state = remembered(
      [
        { importance: new Map([['w', float32([2], [0, 0])]]), anchor: tensors(1) },
        { importance: new Map([['w', float32([2], [0, 1])]]), anchor: tensors(2) },
      ],
      { decay: 1, latestAnchor: false },
    )
    expect(toNumbers(state.tensors.get('anchor/w') ?? float32([0]))).toEqual([2, 2])
    expect(state.values.constant).toBe(0)
  })
})

describe('online with gamma 1', () => {
  it('has the importance of separate penalties, and other anchors', () => {
    const separate = remembered(fixtureTasks(3), { decay: 1, latestAnchor: false })
    const online = remembered(fixtureTasks(3), { decay: 1, latestAnchor: true })
    for (const name of NAMES) {
      expect(online.tensors.get(`importance/${name}`)).toEqual(separate.tensors.get(`importance/${name}`))
      expect(online.tensors.get(`anchor/${name}`)).toEqual(named('anchor', 2).get(name))
      expect(separate.tensors.get(`anchor/${name}`)).not.toEqual(online.tensors.get(`anchor/${name}`))
    }
    expect(online.values.constant).toBe(0)
  })
})

describe('the proximal step', () => {
  it.each([1, 1e12])('is (theta + lr A anchor) / (1 + lr A), with lambda %d', async (lambda) => {
    const state = remembered(fixtureTasks(2), { decay: 1, latestAnchor: false })
    const { updated, gradients, value } = await penaltyAt(state, theta, {
      lambda,
      step: 'proximal',
      rate: 0.1,
    })
    expect(gradients.size).toBe(0)
    expect(value).toBeGreaterThan(0)
    for (const name of NAMES) {
      const strength = toNumbers(state.tensors.get(`importance/${name}`) ?? float32([0]))
      const anchor = toNumbers(state.tensors.get(`anchor/${name}`) ?? float32([0]))
      const start = given(`theta/${name}`)
      const expected = toNumbers(start).map((from, at) => {
        const pull = 0.1 * lambda * (strength[at] ?? 0)
        return (from + pull * (anchor[at] ?? 0)) / (1 + pull)
      })
      expect(relativeError(updated.get(name), float32(start.dims, expected))).toBeLessThan(1e-6)
    }
  })

  it('minimises what it should: the penalty plus the distance moved', async () => {
    // d/dx [A/2 (x - m)^2 + (x - t)^2 / (2 lr)] = 0 at the step's result.
    const one = (value: number) => new Map([['w', float32([1], [value])]])
    const state = remembered([{ importance: one(3), anchor: one(1) }], { decay: 1, latestAnchor: false })
    const { updated } = await penaltyAt(state, one(4), { lambda: 2, step: 'proximal', rate: 0.5 })
    const [x = 0] = toNumbers(updated.get('w') ?? float32([0]))
    expect(6 * (x - 1) + (x - 4) / 0.5).toBeCloseTo(0, 5)
  })
})

it('a penalty of lambda 0 reads nothing', () => {
  const state = remembered(fixtureTasks(1), { decay: 1, latestAnchor: false })
  expect(penaltyInputs(state, 0).size).toBe(0)
  expect(penaltyInputs(state, 1).size).toBe(4)
})
