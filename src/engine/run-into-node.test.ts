import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { required } from '../required.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { ortNode } from './ort-node.ts'
import { givenUpWith } from './run-into-node.ts'
import { profileSessions } from './runtime-profile-node.ts'

const engine = ortNode({ threads: 1 })

/** x times a table, for as many rows as there are; and the table's double, in other dims. */
function graph([height, width]: readonly [number, number]): Uint8Array {
  const builder = new GraphBuilder()
  const table = builder.input('table', float32([height, width]))
  const x = builder.input('x', float32([1, height]), ['rows', height])
  builder.output(builder.op('MatMul', [x, table]), 'products', ['rows', width])
  const laid = builder.op('Reshape', [table, builder.constant(int64([2], [width, height]))])
  builder.output(builder.op('Add', [laid, laid]), 'double')
  return encodeGraph(builder.finish('into'))
}
const table = float32([3, 2], [1, 4, 2, 5, 3, 6])
const rows = (...values: number[]) => float32([values.length / 3, 3], values)
const feeds = (x: Tensor) => new Map([['table', table] as const, ['x', x] as const])

describe('a run into given memory', () => {
  it('writes there, and makes what else it gives out', async () => {
    const executable = await engine.load(graph([3, 2]), { into: true })
    expect(executable.outputs).toEqual(['products', 'double'])
    const double = float32([3, 2])
    const results = await executable.run(feeds(rows(1, 0, 0, 0, 1, 1)), new Map([['double', double]]))
    expect(results.get('double')).toBe(double)
    expect(toNumbers(double)).toEqual([2, 8, 4, 10, 6, 12])
    const products = required(results, 'products', 'output')
    expect(products.dims).toEqual([2, 2])
    expect(toNumbers(products)).toEqual([1, 4, 5, 11])
    const [one] = toNumbers(
      required(await executable.run(feeds(rows(1, 1, 1)), new Map([['double', double]])), 'products', 'it'),
    )
    expect(one).toBe(6)
    await executable.dispose()
  })

  it('gets no copies of what it has written, by what the binding of this version does', async () => {
    expect(await givenUpWith()).toMatch(/tensor/i)
    const size = 1024
    const executable = await engine.load(graph([size, size]), { into: true })
    const given = new Map([
      ['table', float32([size, size])],
      ['x', float32([1, size])],
    ])
    const into = new Map([['double', float32([size, size])]])
    const before = process.memoryUsage().arrayBuffers
    await executable.run(given, into)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(size * size)
    await executable.dispose()
  })

  it('says why it fails, and gives out everything where it is given nothing', async () => {
    const executable = await engine.load(graph([3, 2]), { into: true })
    await expect(
      executable.run(feeds(float32([1, 2])), new Map([['double', float32([3, 2])]])),
    ).rejects.toThrow(
      expect.objectContaining({ code: 'run-failed', message: expect.stringMatching(/dimensions.*x/s) }),
    )
    const results = await executable.run(feeds(rows(1, 1, 1)))
    expect([...results.keys()]).toEqual(['products', 'double'])
    expect(toNumbers(required(results, 'products', 'output'))).toEqual([6, 15])
    expect(results.get('double')?.dims).toEqual([2, 3])
    await executable.dispose()
  })

  it('is profiled as any other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-into-'))
    const told: { readonly graph: string; readonly ops: readonly string[] }[] = []
    const profile = profileSessions(folder, 'into', ({ graph: of, events }) => {
      told.push({ graph: of, ops: events.map(({ name }) => name) })
    })
    const executable = await ortNode({ threads: 1 }).load(graph([3, 2]), { into: true })
    await executable.run(feeds(rows(1, 1, 1)), new Map([['double', float32([3, 2])]]))
    profile.collect()
    profile.end()
    await executable.dispose()
    rmSync(folder, { recursive: true })
    expect(told.map(({ graph: of }) => of)).toEqual(['into'])
    expect(told[0]?.ops).toEqual(expect.arrayContaining(['model_run', 'MatMul', 'Add']))
  })
})
