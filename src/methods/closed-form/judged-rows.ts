import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import { float32 } from '../../tensor/tensor.ts'
import type { JudgedRows } from './classifier.ts'

/** Multiplications and additions that judging may take, some seconds: a row takes D^2 once and D K for each strength. */
const MOST_ROTATIONS = 2e9
const MOST_ANSWERS = 1e8
/** As many rows say a scale and an offset to the third digit. */
const MOST_ROWS = 2000

/** Rows that judge, as many of each class as can be: all of them, or as many as some seconds are enough for. */
export function judgedRows(parts: readonly JudgedRows[], classes: number, random: RandomStream): JudgedRows {
  const width = itemAt(itemAt(parts, 0, 'part').features.dims, 1, 'dim of the features')
  const labels = Int32Array.from(parts.flatMap((part) => [...part.labels]))
  const most = Math.floor(Math.min(MOST_ROWS, MOST_ROTATIONS / width ** 2, MOST_ANSWERS / (width * classes)))
  const chosen = labels.length <= most ? [...labels.keys()] : evenly(labels, most, random)
  const features = float32([chosen.length, width])
  const starts = parts.map((_, at) => parts.slice(0, at).reduce((sum, part) => sum + part.labels.length, 0))
  for (const [at, row] of chosen.entries()) {
    const part = starts.findLastIndex((start) => start <= row)
    const place = row - itemAt(starts, part, 'part')
    const { data } = itemAt(parts, part, 'part').features
    features.data.set(data.subarray(place * width, (place + 1) * width), at * width)
  }
  return { features, labels: Int32Array.from(chosen, (row) => itemAt(labels, row, 'label')) }
}

/** By turns one of each class, at least one of each. */
function evenly(labels: Int32Array, most: number, random: RandomStream): number[] {
  const byClass = new Map<number, number[]>()
  for (const row of random.permutation(labels.length)) {
    const label = itemAt(labels, row, 'label')
    const rows = byClass.get(label)
    if (rows) rows.push(row)
    else byClass.set(label, [row])
  }
  const chosen: number[] = []
  for (let turn = 0; chosen.length < Math.max(most, byClass.size); turn++) {
    for (const rows of byClass.values()) {
      const row = rows[turn]
      if (row !== undefined) chosen.push(row)
    }
  }
  return chosen.sort((a, b) => a - b)
}
