import { expect, it } from 'vitest'
import { engine } from '../../test/op-cases.ts'
import { type DecoderForm, tinyDecoder } from '../../test/tiny-decoder.ts'
import { packDocuments } from '../data/documents/index.ts'
import { modelFromOnnx } from '../model/import/onnx-model.ts'
import { refuseLookingAhead } from './looks-ahead.ts'

const ids = Int32Array.from({ length: 24 }, (_, at) => (at * 5) % 13)
const { dataset } = packDocuments([{ place: 'a', ids, bytes: 24 }], {
  name: 'numbers',
  length: 12,
  vocabulary: 13,
  tokenizer: { filler: 0, eos: undefined, frame: { before: [], after: [] } },
})
const looked = (form: DecoderForm) => refuseLookingAhead(engine, modelFromOnnx(tinyDecoder(form)), dataset)

it('a decoder passes, and a model that sees the tokens behind is refused', async () => {
  await expect(looked({})).resolves.toBeUndefined()
  await expect(looked({ fixed: ['rows', 12] })).resolves.toBeUndefined()
  await expect(looked({ causal: false })).rejects.toMatchObject({ code: 'model-looks-ahead' })
})
