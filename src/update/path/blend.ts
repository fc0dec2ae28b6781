import { GraphBuilder } from '../../autodiff/builder.ts'
import type { Engine } from '../../engine/engine.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { add, mul, sub } from '../../ops/core/index.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/** Points on the way from one set of weights to another. */
export interface Blend {
  /**
   * (1 - a) from + a to, with one a for all, or one for each tensor by its name. 0 and 1 give the ends, bit for bit.
   */
  at(alpha: number | ((name: string) => number)): Promise<Map<string, Tensor>>
  dispose(): Promise<void>
}

/**
 * Opens the straight way between two sets of weights of one model (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903).
 * Tensors that are float32 on both sides move; what only `to` has, or is of another type, is taken from there.
 *
 * @example
 * const blend = await openBlend(engine, before, after)
 * const middle = await blend.at(0.5)
 */
export async function openBlend(
  engine: Engine,
  from: ReadonlyMap<string, Tensor>,
  to: ReadonlyMap<string, Tensor>,
): Promise<Blend> {
  const moving = [...to].filter(
    ([name, { type }]) => type === 'float32' && from.get(name)?.type === 'float32',
  )
  const builder = new GraphBuilder()
  for (const [name, tensor] of moving) {
    const start = builder.input(`from/${name}`, tensor)
    const end = builder.input(`to/${name}`, tensor)
    const alpha = builder.input(`alpha/${name}`, { type: 'float32', dims: [] })
    builder.output(add(builder, start, mul(builder, sub(builder, end, start), alpha)), name)
  }
  const ends = new Map(
    moving.flatMap(([name, tensor]): [string, Tensor][] => {
      const start = from.get(name)
      return start
        ? [
            [`from/${name}`, start],
            [`to/${name}`, tensor],
          ]
        : []
    }),
  )
  const executable = moving.length > 0 ? await engine.load(encodeGraph(builder.finish('blend'))) : undefined
  return {
    at: async (alpha) => {
      const alphas = new Map(
        moving.map(([name]) => [name, typeof alpha === 'number' ? alpha : alpha(name)] as const),
      )
      const feeds = new Map(ends)
      for (const [name, value] of alphas) feeds.set(`alpha/${name}`, float32([], [value]))
      const between = executable ? await executable.run(feeds) : new Map<string, Tensor>()
      return new Map(
        Array.from(to, ([name, tensor]): [string, Tensor] => {
          const value = alphas.get(name)
          if (value === undefined || value === 1) return [name, tensor]
          return [name, (value === 0 ? from.get(name) : between.get(name)) ?? tensor]
        }),
      )
    },
    dispose: async () => executable?.dispose(),
  }
}
