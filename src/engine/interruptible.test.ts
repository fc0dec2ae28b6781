import { expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { add } from '../ops/core/index.ts'
import { float32 } from '../tensor/tensor.ts'
import { interruptible } from './interruptible.ts'
import { ortNode } from './ort-node.ts'
import { loadProgram } from './program.ts'

function sums(): Uint8Array {
  const builder = new GraphBuilder()
  const [sum, x] = [builder.input('sum', float32([1])), builder.input('x', float32([1]))]
  builder.output(add(builder, sum, x), 'next')
  return encodeGraph(builder.finish('sums'))
}

it('refuses whatever runs next once the signal was given: a graph, a program, and one beside it', async () => {
  const stop = new AbortController()
  const engine = interruptible(ortNode({ threads: 1 }), stop.signal)
  const x = ['x', float32([1], [2])] as const
  const sum = ['sum', float32([1], [1])] as const
  const executable = await engine.load(sums())
  const program = await loadProgram(engine, sums(), [{ input: 'sum', output: 'next' }], new Map([sum]))
  const other = await program.beside(sums())
  await executable.run(new Map([x, sum]))
  await program.run(new Map([x]))
  await other.run(new Map([x]))
  stop.abort()
  for (const refused of [
    () => executable.run(new Map([x, sum])),
    () => program.run(new Map([x])),
    () => other.run(new Map([x])),
    () => engine.load(sums()),
  ]) {
    await expect(refused()).rejects.toMatchObject({ code: 'interrupted' })
  }
  expect((await program.state()).get('sum')?.data[0]).toBe(5)
})
