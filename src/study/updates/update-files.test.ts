import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { modelToOnnx } from '../../model/import/onnx-model.ts'
import { mlp } from '../../model/layers/index.ts'
import { saveModelFile } from '../../onnx/files.ts'
import { checkReads, contentOf } from './update-files.ts'

async function modelWithDataBeside() {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-update-files-'))
  const bytes = modelToOnnx(mlp({ widths: [3, 4, 2], seed: 1 }))
  await saveModelFile(join(folder, 'trained.onnx'), bytes, { externalData: 1 })
  await rename(join(folder, 'trained.onnx'), join(folder, 'model.onnx'))
  const data = join(folder, 'trained.onnx_data')
  return {
    model: join(folder, 'model.onnx'),
    train: async () =>
      writeFile(
        data,
        (await readFile(data)).map((byte) => byte ^ 1),
      ),
  }
}

test('a model with other weights is another one, whatever the file is called that holds them', async () => {
  const { model, train } = await modelWithDataBeside()
  const before = await contentOf(model, true)
  expect(await contentOf(model, true)).toBe(before)
  await train()
  expect(await contentOf(model, true)).not.toBe(before)
})

test('a model that is whole elsewhere only is another one here', async () => {
  const { model } = await modelWithDataBeside()
  const reads = { model: { path: model, sha256: await contentOf(model, true) } }
  const job = { kind: 'update', said: {}, reads, writes: {} } as const
  await expect(checkReads(job)).resolves.toBeUndefined()
  await writeFile(model, (await readFile(model)).subarray(0, 40))
  await expect(checkReads(job)).rejects.toThrow('it has another content on this machine')
})
