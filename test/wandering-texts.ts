import { packDocuments, type TokenDocument } from '../src/data/documents/index.ts'
import type { Engine } from '../src/engine/engine.ts'
import { withWeights } from '../src/evaluate/index.ts'
import { none } from '../src/methods/none.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { adam } from '../src/train/step/index.ts'
import { fineTune } from '../src/update/recipes/index.ts'
import { decoderSizes } from './tiny-decoder.ts'
import { toyDecoder } from './toy-language.ts'

const { vocabulary } = decoderSizes

/** How wandering texts become rows. */
export const wanderingRows = {
  rows: { length: 8, tokenizer: { filler: 0, eos: undefined, frame: { before: [], after: [] } } },
}

/** Texts that go on by `step` each time, but for a token in five. */
export function wanderingTexts(step: number, count: number, name: string): TokenDocument[] {
  const random = randomStream(step, name)
  return Array.from({ length: count }, (_, at) => {
    const ids = Int32Array.from({ length: at % 3 === 2 ? 6 : 15 })
    let token = random.integer(vocabulary)
    for (let place = 0; place < ids.length; place++) {
      ids[place] = token
      token = random.uniform() < 0.2 ? random.integer(vocabulary) : (token + step) % vocabulary
    }
    return { place: `${name} ${step} ${at}`, ids, bytes: 4 * (ids.length - 1) }
  })
}

/** A decoder that knows texts that go on by one. */
export const wanderingDecoder = (engine: Engine): Promise<Model> =>
  taught(engine, toyDecoder(), wanderingTexts(1, 200, 'train'))

/** The same, once it was taught a few of these texts until it knew them by heart, token for token. */
export const byHeart = (engine: Engine, model: Model): Promise<Model> =>
  taught(engine, model, wanderingData.exemplars.slice(0, KNOWN))
const KNOWN = 12

async function taught(engine: Engine, start: Model, documents: readonly TokenDocument[]): Promise<Model> {
  const train = packDocuments(documents, { ...wanderingRows.rows, name: 'old', vocabulary }).dataset
  const { parameters } = await fineTune({
    ...{ engine, model: start, method: none(), train, batchSize: 16 },
    ...{ iterations: 200, learningRate: 1e-2, seed: 1 },
    settings: { optimiser: adam() },
  })
  return withWeights(start, parameters)
}

/** What an update of it learns, texts that go on by three, beside old ones. */
export const wanderingData = {
  train: wanderingTexts(3, 60, 'train'),
  check: wanderingTexts(3, 20, 'check'),
  exemplars: wanderingTexts(1, 60, 'train'),
  heldOut: wanderingTexts(1, 60, 'test'),
}

/** With the texts alone that a model knows by heart (`byHeart`) for those to rehearse. */
export const knownData = { ...wanderingData, exemplars: wanderingData.exemplars.slice(0, KNOWN) }
