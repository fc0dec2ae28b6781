import { itemAt } from '../required.ts'
import { wordsOf } from '../tensor/bytes.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { SourcedTensor, sourceOf } from './spilled.ts'

/** Class labels by other numbers: class c becomes `map[c]`, and what is below 0 stays. The same tensor where no number changes. */
export function renumbered(labels: Tensor<'int32'>, map: readonly number[]): Tensor<'int32'> {
  if (map.every((number, label) => number === label)) return labels
  const moved = (label: number): number => (label < 0 ? label : itemAt(map, label, 'class'))
  const source = sourceOf(labels)
  if (!source) return { ...labels, data: labels.data.map(moved) }
  return new SourcedTensor('int32', labels.dims, {
    copy: (rows, into) => {
      source.copy(rows, into)
      const values = wordsOf(into)
      for (const [at, label] of values.entries()) values[at] = moved(label)
    },
    spill: source.spill,
  })
}
