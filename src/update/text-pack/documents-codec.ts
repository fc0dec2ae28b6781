import type { Unzipped } from 'fflate'
import { type TokenDocument, tokenCount, tokensIn } from '../../data/documents/index.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { damaged, tensorsIn } from '../pack-container.ts'

/** Token ids in as few bytes as the vocabulary allows. */
export const packedIds = (
  ids: Int32Array,
  dims: readonly number[],
  vocabulary: number,
): Tensor<'uint16'> | Tensor<'int32'> =>
  vocabulary <= 2 ** 16
    ? { type: 'uint16', dims, data: Uint16Array.from(ids) }
    : { type: 'int32', dims, data: ids }

/**
 * @param member Where they are, named in errors.
 * @throws CheckpointError `pack-damaged` for other numbers, or for a token that the model does not know.
 */
export function unpackedIds(
  { type, dims, data }: Tensor,
  {
    member,
    name,
    vocabulary,
  }: { readonly member: string; readonly name: string; readonly vocabulary: number },
): Tensor<'int32'> {
  if (type !== 'uint16' && type !== 'int32') {
    throw damaged(name, member, `tensor "ids" is ${type}, but uint16 or int32 was expected`)
  }
  const ids = Int32Array.from(data as Uint16Array | Int32Array)
  const strange = ids.find((id) => id < 0 || id >= vocabulary)
  if (strange === undefined) return { type: 'int32', dims, data: ids }
  throw damaged(name, member, `token ${strange} is not one of ${vocabulary}`)
}

/** Documents as tensors: ids one after another, how many each has, and the bytes of each. Their places are kept elsewhere. */
export function documentTensors(
  documents: readonly TokenDocument[],
  vocabulary: number,
): ReadonlyMap<string, Tensor> {
  const total = tokensIn(documents)
  const ids = new Int32Array(total)
  const learned = new Uint8Array(total).fill(1)
  let at = 0
  for (const document of documents) {
    ids.set(document.ids, at)
    if (document.learned) learned.set(document.learned, at)
    at += document.ids.length
  }
  const each = [documents.length]
  return new Map<string, Tensor>([
    ['ids', packedIds(ids, [total], vocabulary)],
    ['lengths', { type: 'uint32', dims: each, data: Uint32Array.from(documents, tokenCount) }],
    ['bytes', { type: 'uint32', dims: each, data: Uint32Array.from(documents, ({ bytes }) => bytes) }],
    ...(documents.some((document) => document.learned)
      ? [['learned', { type: 'uint8', dims: [total], data: learned }] as const]
      : []),
  ])
}

/**
 * Documents of a member.
 *
 * @param places What each is called.
 * @throws CheckpointError `pack-damaged` where the tensors do not go together.
 */
export function documentsIn(
  files: Unzipped,
  {
    member,
    name,
    places,
    vocabulary,
  }: {
    readonly member: string
    readonly name: string
    readonly places: readonly string[]
    readonly vocabulary: number
  },
): readonly TokenDocument[] {
  const { keys, take } = tensorsIn(files, member, name)
  const { data: ids } = unpackedIds(take('ids'), { member, name, vocabulary })
  const [lengths, bytes] = [take('lengths', 'uint32').data, take('bytes', 'uint32').data]
  const learned = keys.includes('learned') ? take('learned', 'uint8').data : undefined
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const wrong =
    lengths.length !== places.length || bytes.length !== places.length
      ? `lengths of ${lengths.length} and bytes of ${bytes.length} documents do not go together with ${places.length} names`
      : total !== ids.length || (learned && total !== learned.length)
        ? `the documents have ${total} tokens, but there are ${ids.length}`
        : undefined
  if (wrong !== undefined) throw damaged(name, member, wrong)
  let at = 0
  return places.map((place, document) => {
    const from = at
    at += itemAt(lengths, document, 'length')
    const counts = learned?.slice(from, at)
    const whole = counts === undefined || counts.subarray(1).every((one) => one === 1)
    return {
      ...{ place, ids: ids.slice(from, at), bytes: itemAt(bytes, document, 'bytes') },
      ...(whole ? {} : { learned: counts }),
    }
  })
}
