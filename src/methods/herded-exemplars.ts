import { classLabels, samples } from '../data/dataset.ts'
import { herding } from '../data/memory/index.ts'
import { takeRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { classSums } from '../evaluate/class-sums.ts'
import { itemAt } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { Memory } from './exemplars.ts'
import type { ConsolidateContext } from './method.ts'

// iCaRL's exemplars: as many of each class, best first, and their means.

/** Which rows are kept: the first of each old class, and of classes with new rows those that herding chooses, best first. */
export function exemplarsOf(
  all: Memory,
  features: Tensor<'float32'>,
  { train }: ConsolidateContext,
  capacity: number,
): Int32Array {
  const labels = classLabels(all.dataset)
  const classes = new Set(labels).size
  const each = Math.floor(capacity / classes)
  if (each < 1) {
    throw new UsageError(
      'icarl-capacity',
      `icarl keeps exemplars of every class, but its capacity of ${capacity} is less than the ${classes} classes so far. Give it more capacity.`,
    )
  }
  const fresh = new Set(samples(train) > 0 ? classLabels(train) : [])
  const counts = new Map<number, number>()
  const kept: number[] = []
  const offered: number[] = []
  for (const [row, label] of labels.entries()) {
    if (fresh.has(label)) {
      offered.push(row)
      continue
    }
    const count = counts.get(label) ?? 0
    counts.set(label, count + 1)
    if (count < each) kept.push(row)
  }
  const rows = Int32Array.from(offered)
  const chosen = herding(takeRows(features, rows), rowLabels(all, rows), each)
  return Int32Array.from([...kept, ...chosen.map((place) => itemAt(rows, place, 'row'))])
}

export const rowLabels = ({ dataset }: Memory, rows: Int32Array): Int32Array => {
  const labels = classLabels(dataset)
  return rows.map((row) => itemAt(labels, row, 'label'))
}

/** The mean of each class's exemplars, [outputs, width], features and means scaled to length 1; and how many there are. */
export function exemplarMeans(features: Tensor<'float32'>, labels: Int32Array, outputs: number) {
  const { sums, counts, width } = classSums(unitRows(features), labels, outputs)
  const means = unitRows(float32([outputs, width], Float32Array.from(sums)))
  return { means, counts: float32([outputs], Float32Array.from(counts)) }
}

function unitRows({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const width = itemAt(dims, 1, 'dim')
  const scaled = data.slice()
  for (let from = 0; from < scaled.length; from += width) {
    const row = data.subarray(from, from + width)
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    if (length > 0)
      scaled.set(
        row.map((value) => value / length),
        from,
      )
  }
  return float32(dims, scaled)
}
