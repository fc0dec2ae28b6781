import { describe, expect, it } from 'vitest'
import { bitsOf, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import type { Method } from './method.ts'
import { none } from './none.ts'
import { sam } from './sam.ts'
import { si } from './si.ts'

const stream = toyStream('class')
type Weights = ReadonlyMap<string, Tensor>

/** The state after the first step of plain SGD on all rows of the first task, at a rate of 1. */
async function firstStep(
  method: Method,
  parameters: Weights = toyModel(stream).parameters,
): Promise<RunState> {
  const states: RunState[] = []
  const model = { ...toyModel(stream), parameters } as Model
  const settings = { optimiser: sgd() }
  const store = { ...memoryStore(), save: async (state: RunState) => void states.push(state) }
  const given = { stream, method, model, settings, store, iterations: 2, batchSize: 20 }
  await runToEnd(toyOptions({ ...given, learningRate: 1, stepsPerCall: 1, checkpointEvery: 1 }))
  return itemAt(states, 0, 'state')
}
const stepped = async (method: Method, parameters?: Weights): Promise<Weights> =>
  withoutPrefix((await firstStep(method, parameters)).tensors, 'parameter/')

/** a + factor b, by name. */
const plus = (a: Weights, b: Weights, factor: number): Weights =>
  new Map(
    [...a].map(([name, { dims, data }]) => {
      const other = toNumbers(required(b, name, 'parameter'))
      return [
        name,
        float32(
          dims,
          Array.from(data as Float32Array, (value, at) => value + factor * (other[at] ?? 0)),
        ),
      ]
    }),
  )

describe('a step', () => {
  it('is on the gradient at theta + rho g / |g|', async () => {
    const RHO = 0.5
    const start = toyModel(stream).parameters
    // At a rate of 1 the gradient is what the parameters have lost.
    const gradient = plus(start, await stepped(none()), -1)
    const length = Math.hypot(...[...gradient.values()].flatMap((tensor) => toNumbers(tensor)))
    const worst = plus(start, gradient, RHO / length)
    const there = plus(worst, await stepped(none(), worst), -1)
    const found = await stepped(sam({ rho: RHO }))
    const apart = (a: Weights, b: Weights) =>
      Math.max(...[...plus(a, b, -1).values()].flatMap((tensor) => toNumbers(tensor).map(Math.abs)))
    expect(apart(found, plus(start, there, -1))).toBeLessThan(1e-5)
    expect(apart(found, plus(start, gradient, -1))).toBeGreaterThan(1e-3)
  })

  it('of rho 0 is the plain one, bit for bit', async () => {
    expect(bitsOf(await stepped(sam({ rho: 0 })))).toBe(bitsOf(await stepped(none())))
  })

  it('leaves the path of SI to the gradient at theta', async () => {
    const path = ({ tensors }: RunState, prefix: string) =>
      toNumbers(required(tensors, `slot/${prefix}path/layers.0.weight`, 'slot'))
    const [both, plain] = [await firstStep(compose(sam({ rho: 0.5 }), si())), await stepped(none())]
    const start = toNumbers(required(toyModel(stream).parameters, 'layers.0.weight', 'parameter'))
    const end = toNumbers(required(both.tensors, 'parameter/layers.0.weight', 'parameter'))
    const without = toNumbers(required(plain, 'layers.0.weight', 'parameter'))
    path(both, '1/').forEach((omega, at) => {
      const gradient = (start[at] ?? 0) - (without[at] ?? 0)
      expect(omega).toBeCloseTo(-gradient * ((end[at] ?? 0) - (start[at] ?? 0)), 5)
    })
  })
})

it('is taken once', () => {
  expect(() => compose(sam(), sam())).toThrow(expect.objectContaining({ code: 'compose-refused' }))
})
