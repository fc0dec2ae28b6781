import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { modelToOnnx } from '../../model/import/onnx-model.ts'
import { mlp } from '../../model/layers/networks.ts'
import { loadGate } from './gate-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-gate-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('refuses texts for a model without a tokenizer before it runs, in the words of update', async () => {
  const model = resolve(import.meta.dirname, '../../../test/fixtures/families/distilbert.onnx')
  const data = join(folder, 'test.jsonl')
  writeFileSync(data, '{"text": "one two", "label": "0"}\n{"text": "three", "label": "1"}\n')
  const loaded = loadGate({ engine: ortNode({ threads: 1 }), baseline: model, candidate: model, data })
  await expect(loaded).rejects.toMatchObject({
    code: 'tokenizer-missing',
    message: `${data}: the data are texts, and the model reads int64 tokens: put its tokenizer.json beside the model.`,
  })
})

it('reads no data again that an earlier gate on them has read', async () => {
  const model = join(folder, 'model.onnx')
  writeFileSync(model, modelToOnnx({ ...mlp({ widths: [2, 2], seed: 1 }), classes: ['cat', 'dog'] }))
  const data = join(folder, 'rows.csv')
  writeFileSync(data, 'width,height,label\n1,2,cat\n3,4,dog\n')
  const sources = {
    engine: ortNode({ threads: 1 }),
    baseline: model,
    candidate: model,
    data,
    known: new Map(),
  }
  const first = await loadGate(sources)
  rmSync(data)
  const second = await loadGate(sources)
  expect(second.baseline.predictions).toEqual(first.baseline.predictions)
  expect(second.notes).toEqual(first.notes)
  await expect(loadGate({ ...sources, known: undefined })).rejects.toMatchObject({ code: 'data-missing' })
})
