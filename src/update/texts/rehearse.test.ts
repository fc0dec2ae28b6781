import { describe, expect, it } from 'vitest'
import { toyTexts } from '../../../test/toy-language.ts'
import { samples } from '../../data/dataset.ts'
import { createPool } from '../../data/memory/index.ts'
import { countingLabels } from '../../data/row-lengths.ts'
import { emptyState, type TaskContext } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { taskSources } from '../../train/run/index.ts'
import { createBatchSampler } from '../../train/step/index.ts'
import { rehearse, shareOfRows } from './rehearse.ts'

const fresh = toyTexts(3, 30)
// Half as many tokens a row.
const old = { ...toyTexts(1, 18), labels: halved(toyTexts(1, 18).labels) }

function halved({ dims, data, ...rest }: typeof fresh.labels): typeof fresh.labels {
  return {
    ...rest,
    dims,
    data: data.map((label, at) => (at % 2 === 0 ? label : -100)),
  } as typeof fresh.labels
}

function drawn(share: number, batchSize: number, steps: number) {
  const task: TaskContext = {
    ...{
      scenario: 'domain',
      index: 1,
      outputs: 13,
      units: [[], []],
      active: undefined,
      train: fresh,
      batchSize,
    },
    seen: () => ({ dataset: fresh, tasks: new Int32Array(samples(fresh)) }),
  }
  const sources = taskSources(rehearse({ rows: old, share }), emptyState, task)
  const pool = createPool(sources)
  return createBatchSampler(sources, pool, (source) => randomStream(1, source), {}).next(steps).rows
}

const counting = (rows: typeof fresh, row: number): number => {
  const length = itemAt(rows.labels.dims, 1, 'axis')
  return rows.labels.data.slice(row * length, (row + 1) * length).filter((label) => label >= 0).length
}

describe('rehearsal', () => {
  it.each([
    [0.01, 8],
    [0.05, 8],
    [0.25, 8],
    [0.25, 3],
    [0.5, 16],
  ])(
    'gives old texts their share of the tokens, though their rows are emptier: %f of rows by %i',
    (share, size) => {
      let [olds, all] = [0, 0]
      for (const row of drawn(share, size, Math.ceil(12_000 / size))) {
        const place = row - samples(fresh)
        const tokens = place >= 0 ? counting(old, place) : counting(fresh, row)
        all += tokens
        if (place >= 0) olds += tokens
      }
      expect(olds / all).toBeCloseTo(share, 2)
    },
  )

  it('takes twice as many rows of half as many tokens', () => {
    expect(countingLabels(old) / samples(old)).toBeLessThan(0.6 * (countingLabels(fresh) / samples(fresh)))
    expect(shareOfRows(0.25, fresh, fresh)).toBeCloseTo(0.25, 12)
    expect(shareOfRows(0.25, fresh, old)).toBeGreaterThan(0.35)
  })
})
