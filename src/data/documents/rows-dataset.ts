import { itemAt } from '../../required.ts'
import { wordsOf } from '../../tensor/bytes.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { asStored, type Dataset, ignoredLabel, type RowDocuments } from '../dataset.ts'
import { type RowSource, SourcedTensor } from '../spilled.ts'
import type { RowTable } from './row-table.ts'
import { spillOf, tokenSpan } from './token-span.ts'

/** Rows as token ids and the tokens that come after them, each made when it is asked for. The tokens are known to be the model's. */
export function rowsDataset(
  table: RowTable,
  {
    name,
    vocabulary,
    filler,
  }: { readonly name: string; readonly vocabulary: number; readonly filler: number },
): Dataset {
  const dims = [table.of.length, table.length]
  const spill = spillOf(table.documents)
  const tensor = <T extends 'int64' | 'int32'>(type: T, copy: RowSource['copy']): Tensor<T> =>
    new SourcedTensor(type, dims, { copy, spill })
  return {
    ...{ name, synthetic: false, kind: 'token-classification', preprocessing: asStored, causal: true },
    inputs: tensor('int64', inputsOf(table, filler)),
    labels: tensor('int32', labelsOf(table)),
    classes: Array.from({ length: vocabulary }, (_, token) => String(token)),
  }
}

/** What rows read, filled up behind it. An int64 is two words, the low one first, as everywhere that ONNX Runtime runs. */
const inputsOf =
  (table: RowTable, filler: number): RowSource['copy'] =>
  (rows, into) => {
    const words = wordsOf(into)
    words.fill(0)
    for (const [at, row] of rows.entries()) {
      const { ids } = spanAt(table, row, 0)
      for (let place = 0; place < table.length; place++)
        words[2 * (at * table.length + place)] = ids[place] ?? filler
    }
  }

/** The token behind each that is read, where it counts. */
const labelsOf =
  (table: RowTable): RowSource['copy'] =>
  (rows, into) => {
    const labels = wordsOf(into)
    labels.fill(ignoredLabel)
    for (const [at, row] of rows.entries()) {
      const { ids, learned, from } = spanAt(table, row, 1)
      for (let place = from; place < ids.length; place++)
        if (learned?.[place] !== 0) labels[at * table.length + place] = ids[place] ?? ignoredLabel
    }
  }

/** The tokens of a row, or those behind each; `from` is the first of these that counts. */
function spanAt({ documents, of, windowAt }: RowTable, row: number, behind: 0 | 1) {
  const document = itemAt(documents, itemAt(of, row, 'row'), 'document')
  const { start, size, from } = windowAt(row)
  return { ...tokenSpan(document, start + behind, start + behind + size), from: from - start - behind }
}

/** Which document each row is of, with the document's bytes shared out by the tokens that count. */
export function rowDocuments({ documents, of, counting }: RowTable): RowDocuments {
  const bytes = new Float64Array(of.length)
  // Each token that counts does so in one row.
  const totals = new Float64Array(documents.length)
  for (const [row, place] of of.entries())
    totals[place] = itemAt(totals, place, 'document') + itemAt(counting, row, 'row')
  let [last, counted, given] = [-1, 0, 0]
  for (const [row, place] of of.entries()) {
    if (place !== last) [last, counted, given] = [place, 0, 0]
    counted += itemAt(counting, row, 'row')
    // What is due so far, less what is given: no byte is lost in rounding.
    const whole = itemAt(documents, place, 'document').bytes
    const due = Math.round((whole * counted) / itemAt(totals, place, 'document'))
    bytes[row] = due - given
    given = due
  }
  return { of, bytes, names: documents.map(({ place }) => place) }
}
