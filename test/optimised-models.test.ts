import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { obstacles } from '../src/autodiff/obstacles.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { ValueInfo } from '../src/onnx/graph.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { engine } from './op-cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-optimised-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The file that ONNX Runtime's own optimiser makes of a model: full of its fused ops. */
async function optimised(name: string): Promise<Uint8Array> {
  const path = join(folder, `${name}.onnx`)
  const session = await InferenceSession.create(original(name), {
    graphOptimizationLevel: 'extended',
    optimizedModelFilePath: path,
    logSeverityLevel: 4,
  })
  await session.release()
  return new Uint8Array(readFileSync(path))
}

const original = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(`test/fixtures/families/${name}.onnx`))

/** Token ids below 5, token types below 2, masks of ones, waves for pixels; 2 samples of 6 positions where dims are symbolic. */
function feed({ name, type, dims = [] }: ValueInfo): Tensor {
  const concrete = dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 2 : 6))
  const at = (index: number) => {
    if (type.startsWith('float')) return Math.sin(index * 1.3)
    return name.includes('mask') ? 1 : index % (name.includes('token_type') ? 2 : 5)
  }
  return fromNumbers(
    type,
    concrete,
    Array.from({ length: sizeOf(concrete) }, (_, index) => at(index)),
  )
}

async function run(bytes: Uint8Array, feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
  const executable = await engine.load(bytes)
  const results = await executable.run(
    new Map([...feeds].filter(([name]) => executable.inputs.includes(name))),
  )
  await executable.dispose()
  return results
}

describe("models that went through ONNX Runtime's optimiser", () => {
  it.each([
    ['bert', ['BiasGelu', 'FusedGemm', 'FusedMatMul']],
    ['gpt2', ['FastGelu']],
    ['keras', ['FusedConv', 'FusedGemm']],
    ['llama', ['FusedMatMul', 'QuickGelu', 'SimplifiedLayerNormalization']],
    ['mobilenet-v2', ['FusedConv']],
    ['swin', ['Gelu', 'SimplifiedLayerNormalization']],
    ['vit', ['BiasGelu', 'FusedMatMul']],
  ])('compute the same without its fused ops, and can be trained: %s', async (name, fused) => {
    const { graph, opsets, parameters, buffers } = modelFromOnnx(await optimised(name))
    const ops = new Set(graph.nodes.map(({ op }) => op))
    for (const op of fused) expect(ops).toContain(op)
    expect(parameters.size).toBeGreaterThan(5)
    expect(obstacles(graph, opsets, { parameters, bound: buffers })).toEqual([])

    const feeds = new Map(graph.inputs.map((info) => [info.name, feed(info)]))
    const expected = await run(original(name), feeds)
    const builder = new GraphBuilder()
    const bound = new Map([
      ...[...feeds].map(([input, value]) => [input, builder.input(input, value)] as const),
      ...[...parameters, ...buffers].map(([key, value]) => [key, builder.parameter(key, value)] as const),
    ])
    const { outputs } = specialise(builder, graph, opsets, bound)
    for (const [output, value] of outputs) builder.output(value, `plain/${output}`)
    const found = await run(encodeGraph(builder.finish('plain')), feeds)
    expect(expected.size).toBeGreaterThan(0)
    for (const [output, values] of expected) {
      const plain = found.get(`plain/${output}`)
      const [a, b] = [toNumbers(values), plain ? toNumbers(plain) : []]
      expect(Math.hypot(...a.map((value, index) => value - (b[index] ?? 0)))).toBeLessThan(
        1e-5 * Math.hypot(...a),
      )
    }
  })
})
