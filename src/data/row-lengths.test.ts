import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { itemAt } from '../required.ts'
import { int64 } from '../tensor/tensor.ts'
import { createDataset, ignoredLabel } from './dataset.ts'
import { byLength, roundedLength, rowLengths } from './row-lengths.ts'

/** Rows of token ids whose labels end at some place; 0 for none at all. */
function rowsOf(ends: readonly number[], width: number, causal = true) {
  const dims = [ends.length, width]
  const place = (at: number) => ({ row: Math.floor(at / width), column: at % width })
  const labels = Int32Array.from({ length: ends.length * width }, (_, at) => {
    const { row, column } = place(at)
    return column === itemAt(ends, row, 'end') - 1 ? 1 : ignoredLabel
  })
  return createDataset({
    ...{ name: 'rows', kind: 'token-classification', classes: ['a', 'b'], causal },
    inputs: int64(
      dims,
      Array.from({ length: ends.length * width }, (_, at) => at),
    ),
    labels: { type: 'int32', dims, data: labels },
  })
}

describe('rows by length', () => {
  it('are read in the next length of a grid', () => {
    expect([1, 8, 9, 12, 13, 16, 17, 24, 25, 33, 48, 49].map(roundedLength)).toEqual([
      ...[8, 8, 12, 12, 16, 16, 24, 24, 32, 48, 48, 64],
    ])
  })

  it('hold each row once, as far as its last label, and all of a row without labels', () => {
    const ends = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(ends, (all) => {
        const dataset = rowsOf(all, 40)
        const groups = byLength(dataset)
        const seen = groups.flatMap(({ rows }) => [...rows])
        expect([...seen].sort((a, b) => a - b)).toEqual(all.map((_, row) => row))
        for (const { rows, dataset: own } of groups) {
          const [count = 0, length = 0] = own.inputs.dims
          expect([count, own.labels.dims]).toEqual([rows.length, [count, length]])
          for (const [at, row] of rows.entries()) {
            const end = itemAt(all, row, 'row') || 40
            expect(itemAt(rowLengths(dataset), row, 'row')).toBe(end)
            expect(length).toBe(end <= 16 ? 16 : end <= 32 ? 32 : 40)
            const from = row * 40
            for (const part of ['inputs', 'labels'] as const) {
              expect(own[part].data.slice(at * length, (at + 1) * length)).toEqual(
                dataset[part].data.slice(from, from + length),
              )
            }
          }
        }
      }),
      { numRuns: 50 },
    )
  })

  it('are the data set itself where nothing is shorter, or where a model looks at what stands behind', () => {
    const full = rowsOf([40, 33], 40)
    expect(byLength(full).map(({ dataset }) => dataset)).toEqual([full])
    const both = rowsOf([3, 40], 40, false)
    expect(byLength(both).map(({ rows, dataset }) => [[...rows], dataset === both])).toEqual([[[0, 1], true]])
  })
})
