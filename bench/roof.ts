import { GraphBuilder } from '../src/autodiff/builder.ts'
import type { EngineOptions } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { float32 } from '../src/tensor/tensor.ts'

const shapes = [
  [2048, 2048, 2048],
  [512, 512, 512],
  [128, 784, 400],
  [1024, 256, 1024],
] as const

/** By the shape of the product. */
export type Roof = readonly { readonly shape: string; readonly gflops: number }[]

/** GFLOP/s of the best shape. */
export const bestOf = (roof: Roof): number => Math.max(...roof.map(({ gflops }) => gflops))

export const roofText = (roof: Roof): string =>
  `roof: ${roof.map(({ shape, gflops }) => `${shape} ${gflops.toFixed(0)}`).join(', ')} GFLOP/s`

/**
 * What the runtime's plain matrix product reaches here: the roof that steps are measured against.
 *
 * @param of What counts of a shape's times.
 */
export async function machineRoof(options: EngineOptions, of = median): Promise<Roof> {
  const roof = []
  for (const [m, k, n] of shapes) {
    const builder = new GraphBuilder()
    const a = builder.input('a', { type: 'float32', dims: [m, k] })
    const b = builder.input('b', { type: 'float32', dims: [k, n] })
    builder.output(builder.op('MatMul', [a, b]), 'c')
    const executable = await ortNode(options).load(encodeGraph(builder.finish('roof')))
    const feeds = new Map([
      ['a', float32([m, k], new Float32Array(m * k).fill(0.5))],
      ['b', float32([k, n], new Float32Array(k * n).fill(0.5))],
    ])
    const into = new Map([['c', float32([m, n])]])
    const times: number[] = []
    const flops = 2 * m * k * n
    for (let run = 0; run < Math.min(60, Math.max(4, 2e10 / flops)); run++) {
      const began = performance.now()
      await executable.run(feeds, into)
      times.push(performance.now() - began)
    }
    roof.push({ shape: `${m}x${k}x${n}`, gflops: flops / of(times) / 1e6 })
    await executable.dispose()
  }
  return roof
}
