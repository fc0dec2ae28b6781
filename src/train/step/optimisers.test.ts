import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { engine, relativeError, torchValues } from '../../../test/toy-learning.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import type { StateSlot } from '../../engine/engine.ts'
import { loadProgram } from '../../engine/program.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { adam, type Optimiser, rmsprop, sgd } from './optimisers.ts'
import { clipByGlobalNorm, decayed, type WeightDecay } from './weight-decay.ts'

const given = torchValues('optimisers')
const NAMES = ['weight', 'bias'] as const
const index = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/torch/index.json', import.meta.url), 'utf8'),
) as {
  optimisers: {
    steps: number
    maxNorm: number
    optimisers: Record<string, Record<string, number | string | boolean | number[]>>
  }
}

const row = (tensor: Tensor, at: number): Tensor<'float32'> => {
  const [, ...dims] = tensor.dims
  const size = dims.reduce((product, dim) => product * dim, 1)
  return float32(dims, (tensor.data as Float32Array).slice(at * size, (at + 1) * size))
}

/** The parameters after each of the fixture's five gradients. */
async function trajectory(
  optimiser: Optimiser,
  rate: number,
  options: { decay?: WeightDecay; clip?: number } = {},
): Promise<Map<string, Tensor>[]> {
  const builder = new GraphBuilder()
  const slots: StateSlot[] = []
  const initial = new Map<string, Tensor>()
  const state = (name: string, start: Tensor) => {
    initial.set(name, start)
    slots.push({ input: name, output: `${name}/next` })
    return builder.input(name, start)
  }
  const scalars = optimiser
    .scalars(1, 1)
    .map((_, at) => builder.input(`scalar/${at}`, { type: 'float32', dims: [] }))
  const raw = new Map(
    NAMES.map((name) => [name, builder.input(`gradient/${name}`, given(`start/${name}`))] as const),
  )
  const gradients = options.clip === undefined ? raw : clipByGlobalNorm(builder, raw, options.clip)
  for (const name of NAMES) {
    const start = given(`start/${name}`)
    const gradient = gradients.get(name)
    if (!gradient) throw new Error(`no gradient of ${name}`)
    const updated = decayed(
      optimiser,
      options.decay,
      name,
    )(builder, {
      parameter: state(name, start),
      gradient,
      slots: optimiser.slots.map((slot) => state(`${slot}/${name}`, float32(start.dims))),
      scalars,
    })
    builder.output(updated.parameter, `${name}/next`)
    updated.slots.forEach((value, at) => {
      builder.output(value, `${optimiser.slots[at]}/${name}/next`)
    })
  }
  const program = await loadProgram(engine, encodeGraph(builder.finish('update')), slots, initial)
  const path: Map<string, Tensor>[] = []
  for (let step = 0; step < index.optimisers.steps; step++) {
    const feeds = new Map<string, Tensor>(
      NAMES.map((name) => [`gradient/${name}`, row(given(`gradient/${name}`), step)]),
    )
    optimiser.scalars(step + 1, rate).forEach((value, at) => {
      feeds.set(`scalar/${at}`, float32([], [value]))
    })
    await program.run(feeds)
    path.push(await program.snapshot())
  }
  await program.dispose()
  return path
}

/** An optimiser from PyTorch's arguments. */
function fromTorch(name: string): { optimiser: Optimiser; rate: number; decay: WeightDecay | undefined } {
  const settings = index.optimisers.optimisers[name] ?? {}
  const number = (key: string) => settings[key] as number
  const [beta1 = 0, beta2 = 0] = (settings.betas as number[] | undefined) ?? []
  const make: Record<string, () => Optimiser> = {
    SGD: () => sgd({ momentum: number('momentum') ?? 0, nesterov: settings.nesterov === true }),
    Adam: () => adam({ beta1, beta2, epsilon: number('eps') }),
    AdamW: () => adam({ beta1, beta2, epsilon: number('eps') }),
    RMSprop: () =>
      rmsprop({ alpha: number('alpha'), epsilon: number('eps'), momentum: number('momentum') ?? 0 }),
  }
  const optimiser = make[settings.class as string]?.()
  if (!optimiser) throw new Error(`unknown class ${settings.class}`)
  const rate = number('weight_decay')
  const kind = settings.class === 'AdamW' ? 'decoupled' : 'coupled'
  return { optimiser, rate: number('lr'), decay: rate === undefined ? undefined : { rate, kind } }
}

describe("the parameters follow PyTorch's trajectory", () => {
  // Centred RMSprop is not offered.
  const names = Object.keys(index.optimisers.optimisers).filter((name) => name !== 'rmsprop-centred')
  it.each(names)('of %s', async (name) => {
    const { optimiser, rate, decay } = fromTorch(name)
    const clip = name.endsWith('-clipped') ? { clip: index.optimisers.maxNorm } : {}
    const path = await trajectory(optimiser, rate, { ...clip, ...(decay ? { decay } : {}) })
    for (const [step, found] of path.entries()) {
      for (const parameter of NAMES) {
        const expected = row(given(`${name}/${parameter}`), step)
        expect(relativeError(found.get(parameter), expected), `${parameter}, step ${step}`).toBeLessThan(1e-6)
      }
    }
  })
})

describe('weight decay', () => {
  it('leaves parameters alone that `only` does not name', async () => {
    const only = (name: string) => name === 'weight'
    const plain = (await trajectory(sgd(), 0.1)).at(-1)
    const some = (await trajectory(sgd(), 0.1, { decay: { rate: 0.5, only } })).at(-1)
    expect(some?.get('bias')).toEqual(plain?.get('bias'))
    expect(some?.get('weight')).not.toEqual(plain?.get('weight'))
  })

  it('is coupled by default, and differs from decoupled in Adam', async () => {
    const unsaid = (await trajectory(adam(), 0.05, { decay: { rate: 0.1 } })).at(-1)
    const coupled = (await trajectory(adam(), 0.05, { decay: { rate: 0.1, kind: 'coupled' } })).at(-1)
    const decoupled = (await trajectory(adam(), 0.05, { decay: { rate: 0.1, kind: 'decoupled' } })).at(-1)
    expect(unsaid?.get('weight')).toEqual(coupled?.get('weight'))
    expect(decoupled?.get('weight')).not.toEqual(coupled?.get('weight'))
  })

  it('of rate 0 is none, bit for bit', async () => {
    const plain = (await trajectory(adam(), 0.05)).at(-1)
    expect((await trajectory(adam(), 0.05, { decay: { rate: 0, kind: 'decoupled' } })).at(-1)).toEqual(plain)
  })
})

describe('settings that make no sense are refused', () => {
  it.each([
    ['a momentum below 0', () => sgd({ momentum: -0.1 })],
    ['Nesterov without momentum', () => sgd({ nesterov: true })],
    ['a beta of 1', () => adam({ beta2: 1 })],
    ['an epsilon that is no number', () => adam({ epsilon: Number.NaN })],
    ['an alpha of 1', () => rmsprop({ alpha: 1 })],
  ])('%s', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'optimiser-setting' }))
  })
})
