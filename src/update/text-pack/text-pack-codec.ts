import type { Unzipped } from 'fflate'
import { type TokenDocument, tokensThatCount } from '../../data/documents/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { itemAt } from '../../required.ts'
import { float32FromFloat16 } from '../../tensor/half.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { damaged, factsIn, opened, type PackKind, sealed, tensorsIn } from '../pack-container.ts'
import { float16Below } from './answers.ts'
import { documentsIn, documentTensors, packedIds, unpackedIds } from './documents-codec.ts'
import { type TextAnswers, type TextPack, textPackVersion } from './text-pack.ts'
import { ANSWERS, EXEMPLARS, HELD_OUT, type TextFacts, textFactsSchema } from './text-pack-format.ts'

const kind: PackKind = { holds: 'texts', version: textPackVersion }

/**
 * A pack of texts as the bytes of its file, in the container that packs of rows have. Equal packs give equal bytes.
 *
 * @example
 * const bytes = encodeTextPack(pack)
 */
export function encodeTextPack(pack: TextPack): Uint8Array<ArrayBuffer> {
  const { exemplars, answers, heldOut, losses, uses, first, vocabulary } = pack
  const each = [heldOut.length]
  const nats = (of: readonly (TextLoss | undefined)[]): Tensor => ({
    ...{ type: 'float64', dims: each },
    data: Float64Array.from(of, (loss) => loss?.nats ?? Number.NaN),
  })
  const members = new Map([
    [EXEMPLARS, writeSafetensors(documentTensors(exemplars, vocabulary))],
    [
      HELD_OUT,
      writeSafetensors(
        new Map<string, Tensor>([
          ...documentTensors(heldOut, vocabulary),
          ['uses', { type: 'int32', dims: each, data: Int32Array.from(uses) }],
          ['nats', nats(losses)],
          ...(first ? [['first', nats(first.losses)] as const] : []),
        ]),
      ),
    ],
  ])
  if (answers) members.set(ANSWERS, writeSafetensors(answerTensors(answers, vocabulary)))
  return sealed(kind, factsOf(pack), members)
}

function answerTensors(
  { ids, logProbabilities }: TextAnswers,
  vocabulary: number,
): ReadonlyMap<string, Tensor> {
  const { dims, data } = logProbabilities
  return new Map<string, Tensor>([
    ['ids', packedIds(ids.data, dims, vocabulary)],
    ['logProbabilities', { type: 'float16', dims, data: float16Below(data) }],
  ])
}

function factsOf(pack: TextPack): TextFacts {
  const {
    version: _version,
    losses: _losses,
    uses: _uses,
    exemplars,
    heldOut,
    answers,
    first,
    ...rest
  } = pack
  const places = (documents: readonly TokenDocument[]) => ({ places: documents.map(({ place }) => place) })
  return textFactsSchema.parse({
    ...rest,
    ...{ exemplars: places(exemplars), heldOut: places(heldOut) },
    ...(answers && { topTokens: itemAt(answers.ids.dims, 1, 'axis') }),
    ...(first && { first: { name: first.name } }),
  })
}

/**
 * The pack of texts of a file's bytes, each part of it held against its checksum.
 *
 * @param name What messages call the file.
 * @throws CheckpointError `pack-damaged` naming the part that is missing or changed; `pack-version` for a file of a newer format;
 * UsageError `pack-kind` for a pack of rows.
 * @example
 * const pack = decodeTextPack(await readFile('model.keep'), 'model.keep')
 */
export const decodeTextPack = (bytes: Uint8Array, name: string): TextPack =>
  opened(bytes, kind, name, (files, version) => packOf(files, version, name))

function packOf(files: Unzipped, version: number, name: string): TextPack {
  const { exemplars, heldOut, topTokens, first, ...facts } = factsIn(files, textFactsSchema, name)
  const { vocabulary } = facts
  const documents = (member: string, { places }: { readonly places: readonly string[] }) =>
    documentsIn(files, { member, name, places, vocabulary })
  const held = documents(HELD_OUT, heldOut)
  const kept = documents(EXEMPLARS, exemplars)
  const { take } = tensorsIn(files, HELD_OUT, name)
  const losses = lossesOf(held, take('nats', 'float64'), name)
  const lost = losses.indexOf(undefined)
  if (lost >= 0) throw damaged(name, HELD_OUT, `the loss of document ${lost} is no number`)
  const uses = [...take('uses', 'int32').data]
  if (uses.length !== held.length) throw damaged(name, HELD_OUT, unlike('uses', uses.length, held.length))
  return {
    ...facts,
    version,
    exemplars: kept,
    answers: topTokens === undefined ? undefined : answersIn(files, { kept, topTokens, vocabulary, name }),
    heldOut: held,
    losses: losses.filter((loss) => loss !== undefined),
    uses,
    first: first && { name: first.name, losses: lossesOf(held, take('first', 'float64'), name) },
  }
}

const unlike = (key: string, found: number, documents: number): string =>
  `"${key}" has ${found} numbers for ${documents} documents`

function lossesOf(
  documents: readonly TokenDocument[],
  { data: nats }: Tensor<'float64'>,
  name: string,
): readonly (TextLoss | undefined)[] {
  if (nats.length !== documents.length) {
    throw damaged(name, HELD_OUT, unlike('nats', nats.length, documents.length))
  }
  return documents.map((document, at) => {
    const sum = itemAt(nats, at, 'loss')
    return Number.isFinite(sum) ? lossOn(document, sum) : undefined
  })
}

/** What a model loses on a document, by the sum of -ln p over its tokens that count. */
const lossOn = (document: TokenDocument, nats: number): TextLoss => ({
  ...{ nats, tokens: tokensThatCount(document), bytes: document.bytes },
})

function answersIn(
  files: Unzipped,
  {
    kept,
    topTokens,
    vocabulary,
    name,
  }: {
    readonly kept: readonly TokenDocument[]
    readonly topTokens: number
    readonly vocabulary: number
    readonly name: string
  },
): TextAnswers {
  const { take } = tensorsIn(files, ANSWERS, name)
  const ids = unpackedIds(take('ids'), { member: ANSWERS, name, vocabulary })
  const { dims, data } = take('logProbabilities', 'float16')
  const tokens = kept.reduce((sum, document) => sum + tokensThatCount(document), 0)
  const wanted = `${tokens},${topTokens}`
  if (`${dims}` !== wanted || `${ids.dims}` !== wanted) {
    throw damaged(name, ANSWERS, `ids [${ids.dims}] and logProbabilities [${dims}] should be [${wanted}]`)
  }
  return { ids, logProbabilities: float32(dims, float32FromFloat16(data)) }
}
