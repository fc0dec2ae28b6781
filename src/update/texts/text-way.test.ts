import { expect, it } from 'vitest'
import { toyDecoder } from '../../../test/toy-language.ts'
import { engine } from '../../../test/toy-learning.ts'
import { mergeLora, withLora } from '../../model/adapters/index.ts'
import { itemAt, required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { scaledWay } from './text-way.ts'

const model = toyDecoder()
const lora = withLora(model, { rank: 2, seed: 1 })
/** As if trained: B is no longer zero. */
const trained = new Map(
  [...lora.model.parameters].map(([name, tensor]): [string, Tensor] => {
    if (!lora.adapters.some(({ b }) => b === name)) return [name, tensor]
    const b = float32(tensor.dims)
    randomStream(2, name).fillNormal(b.data, 0, 0.3)
    return [name, b]
  }),
)

it('has one set of merged weights for low-rank updates, whichever points of it are asked for', async () => {
  const way = await scaledWay(engine, model, { lora, parameters: trained })
  const { weight } = itemAt(lora.adapters, 0, 'adapter')
  const dataOf = (weights: ReadonlyMap<string, Tensor>) =>
    required(weights, weight, 'weight').data as Float32Array
  const start = Float32Array.from(dataOf(await way.at(0)))
  const half = dataOf(await way.at(0.5))
  const middle = Float32Array.from(half)
  const whole = dataOf(await way.at(1))
  expect(whole).toBe(half)
  const end = Float32Array.from(whole)
  expect(end).toEqual(dataOf(await mergeLora(engine, model, lora, trained)))
  expect(dataOf(await way.at(0.5))).toEqual(middle)
  for (const [at, value] of middle.entries()) {
    expect(value).toBeCloseTo(((start[at] ?? Number.NaN) + (end[at] ?? Number.NaN)) / 2, 5)
  }
  // The given model's own are left as they are.
  expect(dataOf(await way.at(0))).toEqual(start)
  await way.dispose()
})
