import type { Engine } from '../../engine/engine.ts'
import { mergeLora } from '../../model/adapters/index.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import { required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { openBlend } from '../path/index.ts'
import type { Adapters } from '../recipes/index.ts'
import type { TrainedUpdates } from './text-update-types.ts'

/** The way from the given model to what training came to. */
export interface Way {
  /** All weights of the model at a point; 0 is the given model, 1 where training ended. They hold until the next point is asked for. */
  at(alpha: number): Promise<ReadonlyMap<string, Tensor>>
  /** The low-rank updates of a point, where these were trained. */
  adaptersAt(alpha: number): Promise<Adapters | undefined>
  dispose(): Promise<void>
}

/** The straight way between two sets of weights (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903). */
export async function straightWay(
  engine: Engine,
  model: Model,
  trained: ReadonlyMap<string, Tensor>,
): Promise<Way> {
  const own = weightsOf(model)
  const blend = await openBlend(engine, own, trained)
  return {
    at: async (alpha) => new Map([...own, ...(await blend.at(alpha))]),
    adaptersAt: async () => undefined,
    dispose: () => blend.dispose(),
  }
}

/**
 * The way of low-rank updates that stand beside layers of few bits, in the file: their scale, which is B's, where they began at zero; else
 * the straight way from one release's to the next one's.
 */
export async function updatesWay(
  engine: Engine,
  model: Model,
  trained: ReadonlyMap<string, Tensor>,
  { lora }: TrainedUpdates,
): Promise<Way> {
  if (!lora) return straightWay(engine, model, trained)
  const own = weightsOf(model)
  const blend = await openBlend(engine, own, trained)
  const left = new Set(lora.adapters.map(({ a }) => a))
  const at = async (alpha: number) =>
    new Map([...own, ...(await blend.at((name) => (left.has(name) && alpha > 0 ? 1 : alpha)))])
  return {
    at,
    adaptersAt: async (alpha) => ({ lora, parameters: await at(alpha) }),
    dispose: () => blend.dispose(),
  }
}

/**
 * The way of low-rank updates is their scale: W + alpha (B A) is W with alpha B for B, merged once. What trained in full beside them goes
 * straight.
 */
export async function scaledWay(engine: Engine, model: Model, { lora, parameters }: Adapters): Promise<Way> {
  const own = weightsOf(model)
  const whole = new Map([...parameters].filter(([name]) => lora.whole.some((each) => each.name === name)))
  const blend = await openBlend(engine, own, whole)
  let merged: ReadonlyMap<string, Tensor> = new Map()
  const scaled = async (alpha: number): Promise<ReadonlyMap<string, Tensor>> => {
    const found = new Map([...parameters, ...(await blend.at(alpha))])
    for (const { b } of lora.adapters) {
      const { dims, data } = parameters.get(b) as Tensor<'float32'>
      found.set(
        b,
        float32(
          dims,
          data.map((value) => value * alpha),
        ),
      )
    }
    return found
  }
  return {
    at: async (alpha) => {
      if (alpha === 0) return own
      const found = await mergeLora(engine, model, lora, await scaled(alpha), merged)
      merged = new Map(lora.adapters.map(({ weight }) => [weight, required(found, weight, 'merged weight')]))
      return new Map([...own, ...found])
    },
    adaptersAt: async (alpha) => ({ lora, parameters: await scaled(alpha) }),
    dispose: () => blend.dispose(),
  }
}
