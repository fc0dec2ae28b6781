import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { loadModelFile, saveModelFile } from './files.ts'
import { graphFromModel } from './from-proto.ts'
import { ModelProtoSchema } from './onnx_pb.ts'
import { tensorToProto } from './to-proto.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

const at = (name: string): string => join(folder, name)
const fixture = 'test/fixtures/onnx/mlp-opset13.onnx'
const tensorsOf = async (path: string): Promise<ReadonlyMap<string, Tensor>> => {
  const file = await loadModelFile(path)
  return graphFromModel(file.model, file).graph.initializers
}
const failure = (code: string) => expect.objectContaining({ code, message: expect.stringContaining('.onnx') })

describe('saveModelFile', () => {
  it('writes an unchanged model byte for byte and leaves nothing else behind', async () => {
    const file = await loadModelFile(fixture)
    await mkdir(at('plain'))
    for (const source of [file, file.bytes, file.model]) {
      await saveModelFile(at('plain/m.onnx'), source)
      expect(new Uint8Array(await readFile(at('plain/m.onnx')))).toEqual(file.bytes)
    }
    expect(await readdir(at('plain'))).toEqual(['m.onnx'])
  })

  it('writes external data that ONNX Runtime reads, page by page', async () => {
    const file = await loadModelFile(fixture)
    await saveModelFile(at('outside.onnx'), file, { externalData: 100 })
    const { model } = await loadModelFile(at('outside.onnx'))
    expect(
      model.graph?.initializer.map(({ externalData }) => externalData.map(({ value }) => value)),
    ).toEqual([['outside.onnx_data', '0', '128'], [], [], []])
    await saveModelFile(at('outside.onnx'), file, { externalData: 0 })
    expect(await tensorsOf(at('outside.onnx'))).toEqual(await tensorsOf(fixture))
    const x = new OrtTensor('float32', Float32Array.of(1, -2, 3, 4), [1, 4])
    const run = async (path: string) => {
      const session = await InferenceSession.create(path)
      const { y } = await session.run({ x })
      await session.release()
      return y?.data
    }
    expect(await run(at('outside.onnx'))).toEqual(await run(fixture))
    await saveModelFile(at('inside.onnx'), await loadModelFile(at('outside.onnx')), { externalData: false })
    expect(await tensorsOf(at('inside.onnx'))).toEqual(await tensorsOf(fixture))
  })

  it('keeps outside what was outside, also over itself, with its changes', async () => {
    await saveModelFile(at('loop.onnx'), await loadModelFile(fixture), { externalData: 100 })
    const changes = new Map([['0.weight', float32([8, 4], new Float32Array(32).fill(3))]])
    await saveModelFile(at('loop.onnx'), await loadModelFile(at('loop.onnx')), { changes })
    const { model } = await loadModelFile(at('loop.onnx'))
    expect(model.graph?.initializer[0]?.dataLocation).toBe(1)
    expect(await tensorsOf(at('loop.onnx'))).toEqual(new Map([...(await tensorsOf(fixture)), ...changes]))
  })

  it('takes to external data by itself when the model would be too large, from bytes and from messages', async () => {
    const big = tensorToProto('big', float32([1000], new Float32Array(1000).fill(2)))
    const model = create(ModelProtoSchema, { irVersion: 8n, graph: { name: 'g', initializer: [big] } })
    const limit = 1000
    for (const source of [model, toBinary(ModelProtoSchema, model)]) {
      await saveModelFile(at('large.onnx'), source, { limit })
      expect((await readFile(at('large.onnx'))).byteLength).toBeLessThan(limit)
      expect((await readFile(at('large.onnx_data'))).byteLength).toBe(4000)
      expect((await tensorsOf(at('large.onnx'))).get('big')).toEqual(
        float32([1000], new Float32Array(1000).fill(2)),
      )
    }
    await expect(saveModelFile(at('never.onnx'), model, { limit, externalData: false })).rejects.toThrow(
      failure('model-too-large'),
    )
    expect(await readdir(folder)).not.toContain('never.onnx')
    await expect(loadModelFile(fixture, { limit: 100 })).rejects.toThrow(failure('model-too-large'))
  })

  it('says what it cannot do', async () => {
    const file = await loadModelFile(fixture)
    const changes = new Map([['nothing', float32([])]])
    await expect(saveModelFile(at('x.onnx'), file, { changes })).rejects.toThrow(
      failure('initializer-missing'),
    )
    await expect(saveModelFile(at('no/such/folder.onnx'), file)).rejects.toThrow(failure('write-failed'))
    const t = { ...outsideTensor('data.bin'), name: 'c' }
    const nested = create(ModelProtoSchema, { graph: { node: [{ attribute: [{ name: 'value', t }] }] } })
    await expect(saveModelFile(at('x.onnx'), nested)).rejects.toThrow(failure('external-data-nested'))
    expect(await readdir(folder)).not.toContain('x.onnx')
  })
})

const outsideTensor = (location: string, offset = '0', length = '8') => ({
  name: 'w',
  dims: [2n],
  dataType: 1,
  dataLocation: 1,
  externalData: Object.entries({ location, offset, length }).map(([key, value]) => ({ key, value })),
})

describe('loadModelFile', () => {
  const read = async (location: string, offset?: string, length?: string) => {
    const model = create(ModelProtoSchema, {
      graph: { initializer: [outsideTensor(location, offset, length)] },
    })
    await mkdir(at('model/data'), { recursive: true })
    await writeFile(at('model/m.onnx'), toBinary(ModelProtoSchema, model))
    return (await tensorsOf(at('model/m.onnx'))).get('w')
  }

  it('reads external data at its offset, from folders below too', async () => {
    await mkdir(at('model/data'), { recursive: true })
    await writeFile(at('model/data/w.bin'), new Uint8Array(Float32Array.of(9, 1, 2).buffer))
    expect(await read('data/w.bin', '4')).toEqual(float32([2], [1, 2]))
  })

  it('refuses files outside of the model’s folder, each way by its own code', async () => {
    await mkdir(at('model'), { recursive: true })
    await writeFile(at('secret.bin'), new Uint8Array(8))
    await symlink(at('secret.bin'), at('model/link.bin'))
    await symlink(folder, at('model/up'))
    for (const location of [at('secret.bin'), 'C:\\secret.bin', '\\\\server\\secret.bin']) {
      await expect(read(location)).rejects.toThrow(failure('external-data-absolute'))
    }
    for (const location of ['../secret.bin', 'data/../../secret.bin', '..\\secret.bin']) {
      await expect(read(location)).rejects.toThrow(failure('external-data-outside'))
    }
    for (const location of ['link.bin', 'up/secret.bin']) {
      await expect(read(location)).rejects.toThrow(failure('external-data-symlink'))
    }
  })

  it('says which file is missing, cut or misdescribed', async () => {
    await mkdir(at('model'), { recursive: true })
    await writeFile(at('model/w.bin'), new Uint8Array(8))
    await expect(read('none.bin')).rejects.toThrow(failure('external-data-not-found'))
    await expect(read('w.bin', '4')).rejects.toThrow(failure('external-data-truncated'))
    // Opening a pipe waits for somebody to write to it.
    execFileSync('mkfifo', [at('model/pipe.bin')])
    await expect(read('pipe.bin')).rejects.toThrow(failure('external-data-not-file'))
    await expect(read('.')).rejects.toThrow(failure('external-data-not-file'))
    await expect(read('w.bin', '-1')).rejects.toThrow(failure('external-data-range'))
    await expect(read('w.bin', '0', '1e1')).rejects.toThrow(failure('external-data-range'))
    await expect(read('')).rejects.toThrow(failure('external-data-location'))
    await expect(loadModelFile(at('none.onnx'))).rejects.toThrow(failure('model-not-found'))
    await expect(loadModelFile(folder)).rejects.toThrow(expect.objectContaining({ code: 'model-not-found' }))
  })

  it('reads a tensor from beyond 4 GiB of a file', async () => {
    await mkdir(at('model'), { recursive: true })
    const offset = 5 * 2 ** 30
    const sparse = await open(at('model/sparse.bin'), 'w')
    await sparse.write(new Uint8Array(Float32Array.of(7, 8).buffer), 0, 8, offset)
    await sparse.close()
    expect(await read('sparse.bin', String(offset))).toEqual(float32([2], [7, 8]))
  })
})
