import type { Dataset } from '../src/data/dataset.ts'
import { packDocuments } from '../src/data/documents/index.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { withTokenClasses } from '../src/model/language.ts'
import type { Model } from '../src/model/model.ts'
import { listStream } from '../src/tasks/list.ts'
import type { TaskStream } from '../src/tasks/stream.ts'
import { type DecoderForm, decoderSizes, tinyDecoder } from './tiny-decoder.ts'

// Texts of a few tokens, and a decoder that learns them in milliseconds.

/** Documents in which each token is followed by the one `step` further on; every third one fills half a row only. */
export function toyTexts(step: number, count = 12, vocabulary: number = decoderSizes.vocabulary): Dataset {
  const documents = Array.from({ length: count }, (_, at) => ({
    place: `document ${at}`,
    ids: Int32Array.from({ length: at % 3 === 2 ? 5 : 9 }, (_, place) => (at + step * place) % vocabulary),
    bytes: 8,
  }))
  const tokenizer = { filler: 0, eos: undefined, frame: { before: [], after: [] } }
  return packDocuments(documents, { name: `steps of ${step}`, length: 8, vocabulary, tokenizer }).dataset
}

/** Documents of 2 to 24 tokens that count, in rows of 24: most rows are filled up behind their text. */
export function unevenTexts(step: number, count = 12, vocabulary: number = decoderSizes.vocabulary): Dataset {
  const documents = Array.from({ length: count }, (_, at) => ({
    place: `document ${at}`,
    ids: Int32Array.from({ length: 3 + ((at * 5) % 23) }, (_each, place) => (at + step * place) % vocabulary),
    bytes: 8,
  }))
  const tokenizer = { filler: 0, eos: undefined, frame: { before: [], after: [] } }
  return packDocuments(documents, { name: `steps of ${step}`, length: 24, vocabulary, tokenizer }).dataset
}

/** A task for each step. */
export const toyLanguage = (steps: readonly number[], count?: number, vocabulary?: number): TaskStream =>
  listStream(
    steps.map((step) => {
      const texts = toyTexts(step, count, vocabulary)
      return { name: `steps of ${step}`, train: texts, test: texts }
    }),
    'domain',
    'texts',
  )

export const toyDecoder = (form: DecoderForm = {}): Model =>
  withTokenClasses(modelFromOnnx(tinyDecoder(form)))
