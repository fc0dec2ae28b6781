import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import { wanderingData as data, wanderingRows as rows } from '../../../test/wandering-texts.ts'
import { stepBytes, wideLanguage } from '../../../test/wide-language.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { withTokenClasses } from '../../model/language.ts'
import { itemAt } from '../../required.ts'
import { rungsWithRoom } from './text-memory.ts'
import { type TextRung, textLadder } from './text-rungs.ts'

const model = withTokenClasses(modelFromOnnx(wideLanguage(50)))
const ladder = textLadder({ model })
const options = {
  ...{ engine, model, ...rows, data, seed: 1, batchSize: 2 },
  budget: { unit: 'relative', maxChange: 0.05 },
} as const

const bytesOf = (rung: TextRung, more: { batch?: number } = {}): number =>
  stepBytes(model, rung, { batch: 2, sequence: rows.rows.length, ...more })
const [low, whole] = [bytesOf(itemAt(ladder, 0, 'rung')), bytesOf(itemAt(ladder, 1, 'rung'))]

const withMemory = (bytes: number, free = bytes) =>
  rungsWithRoom({ ...options, memory: { whole: bytes, free } }, ladder)

describe('rungs that memory has room for', () => {
  it('are all where there is plenty, or nobody says how much there is', () => {
    expect(whole).toBeGreaterThan(1.2 * low)
    expect(withMemory(2 * whole)).toEqual({ rungs: ladder, notes: [] })
    expect(rungsWithRoom(options, ladder)).toEqual({ rungs: ladder, notes: [] })
  })

  it('end before one that takes more than all there is, which is said', () => {
    const { rungs, notes } = withMemory(whole - 1)
    expect(rungs.map(({ name }) => name)).toEqual(['low-rank'])
    expect(notes.at(-1)).toMatch(
      /^Low-rank updates alone: everything would take \S+ [KMG]iB of \S+ [KMG]iB of memory\./,
    )
  })

  it('are warned of, and not left out, where they may fit', () => {
    const { rungs, notes } = withMemory(whole + 1)
    expect(rungs).toEqual(ladder)
    expect(notes.at(-1)).toMatch(/^Memory may be short for training everything: a step takes \S+ [KMG]iB, /)
    expect(withMemory(2 * whole, 1.2 * whole).notes).toEqual([expect.stringContaining('are free')])
  })

  it('are none where the first has no room: what to do is said', () => {
    expect(() => withMemory(low - 1)).toThrow(expect.objectContaining({ code: 'update-memory' }))
    expect(() => withMemory(1)).toThrow('Neither --recompute nor a smaller --batch leaves room')
  })

  it('are given a smaller batch for advice where that helps', () => {
    const one = itemAt(ladder, 0, 'rung')
    const [large, small] = [bytesOf(one, { batch: 512 }), bytesOf(one, { batch: 64 })]
    expect(small).toBeLessThan(large / 1.5)
    // Also where other work takes nearly all of it at the moment.
    for (const free of [large - 1, 1]) {
      const memory = { whole: large - 1, free }
      expect(() => rungsWithRoom({ ...options, batchSize: 512, memory }, ladder)).toThrow(
        /With (--recompute|--batch \d+) a step takes \S+ [KMG]iB/,
      )
    }
  })
})
