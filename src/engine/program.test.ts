import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { Program } from './engine.ts'
import { ortNode } from './ort-node.ts'
import { loadProgram } from './program.ts'

const engine = ortNode({ threads: 1 })
const slots = [{ input: 'sum', output: 'sum/next' }]

/** sum <- sum + x; gives twice the new sum. */
function adder(): Uint8Array {
  const builder = new GraphBuilder()
  const sum = builder.input('sum', { type: 'float32', dims: [2] })
  const next = builder.op('Add', [sum, builder.input('x', { type: 'float32', dims: [2] })])
  builder.output(next, 'sum/next')
  builder.output(builder.op('Add', [next, next]), 'twice')
  return encodeGraph(builder.finish('adder'))
}
const open = (start: Tensor): Promise<Program> =>
  loadProgram(engine, adder(), slots, new Map([['sum', start]]))
const x = (a: number, b: number) => new Map([['x', float32([2], [a, b])]])
const sumOf = (state: ReadonlyMap<string, Tensor>) => toNumbers(state.get('sum') ?? float32([0]))

describe('a program', () => {
  it('carries its state from run to run and gives back what is no state', async () => {
    const start = float32([2], [1, 2])
    const program = await open(start)
    const first = await program.run(x(1, 1))
    expect([...first.keys()]).toEqual(['twice'])
    for (let run = 0; run < 4; run++) await program.run(x(1, 10))
    expect(sumOf(await program.state())).toEqual([6, 43])
    expect(toNumbers(first.get('twice') ?? float32([0]))).toEqual([4, 6])
    expect(toNumbers(start)).toEqual([1, 2])
    await program.dispose()
  })

  it('takes snapshots that later runs leave alone', async () => {
    const program = await open(float32([2]))
    await program.run(x(1, 1))
    const snapshot = await program.snapshot()
    for (let run = 0; run < 3; run++) await program.run(x(5, 5))
    expect(sumOf(snapshot)).toEqual([1, 1])
    await program.dispose()
  })

  it('needs a value for every state', async () => {
    await expect(loadProgram(engine, adder(), slots, new Map())).rejects.toThrow(
      expect.objectContaining({ code: 'state-missing' }),
    )
  })
})

describe('the engine', () => {
  it('refuses what is no model', async () => {
    await expect(engine.load(new Uint8Array([1, 2, 3]))).rejects.toThrow(
      expect.objectContaining({ code: 'model-refused' }),
    )
  })

  it('says when a run fails', async () => {
    const executable = await engine.load(adder())
    expect([...executable.inputs].sort()).toEqual(['sum', 'x'])
    expect([...executable.outputs].sort()).toEqual(['sum/next', 'twice'])
    await expect(executable.run(x(1, 2))).rejects.toThrow(expect.objectContaining({ code: 'run-failed' }))
    await executable.dispose()
  })

  it('writes into the memory it is given', async () => {
    const executable = await engine.load(adder())
    const target = float32([2])
    const feeds = new Map([...x(1, 2), ['sum', float32([2], [3, 4])] as const])
    const outputs = await executable.run(feeds, new Map([['twice', target]]))
    expect(outputs.get('twice')).toBe(target)
    expect(toNumbers(target)).toEqual([8, 12])
    await executable.dispose()
  })
})
