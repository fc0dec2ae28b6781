import { type Dataset, samples } from '../../data/dataset.ts'
import { randomStream } from '../../tensor/random.ts'
import { evenly } from '../hold-out.ts'
import { assignRows, rowsIn, type UpdateData } from '../parts.ts'

/** Rows that are measured with, and how many there are. */
export interface RowCounts {
  /** To train on, new and old. */
  readonly used: number
  readonly all: number
  /** New rows that recipes are compared on. */
  readonly judged: number
  /** Old rows that say what is lost. */
  readonly ordered: number
}

/** Rows that prove, which advice asks nothing of but what the old model says: so few are taken along. */
const PROVING = 200
/** New rows that candidates are compared on. */
const JUDGED = 1000

export interface Sample {
  readonly parts: ReturnType<typeof assignRows>
  readonly sampled: UpdateData
  readonly counts: RowCounts
}

/** As many rows of each class, and the parts that they play as an update deals them out. */
export function sampleRows(data: UpdateData, most: number, seed: number): Sample {
  const parts = assignRows(data)
  const random = (what: string) => randomStream(seed, `advise/${what}`)
  const some = (dataset: Dataset | undefined, count: number, what: string) =>
    dataset && samples(dataset) > 0 ? evenly(dataset, count, random(what)) : undefined
  const train = evenly(data.train, most, random('train'))
  const exemplars = some(parts.exemplars, most, 'exemplars')
  const heldOut = evenly(data.heldOut, JUDGED, random('held out'))
  return {
    parts,
    sampled: {
      ...data,
      ...{ train, exemplars, heldOut, check: undefined },
      oldOrder: parts.order,
      oldHeldOut: some(data.oldHeldOut, PROVING, 'proof'),
      // Told by what is proved, which is nothing here.
      ...{ first: undefined, uses: undefined },
    },
    counts: {
      used: rowsIn(train, exemplars),
      all: rowsIn(data.train, parts.exemplars),
      judged: samples(heldOut),
      ordered: rowsIn(parts.order),
    },
  }
}
