import { describe, expect, test } from 'vitest'
import { headCut, modelAbove } from '../../evaluate/index.ts'
import { mlp } from '../../model/layers/index.ts'
import { type LadderOptions, ladderFor } from './rungs.ts'

const model = mlp({ widths: [8, 16, 16, 4], seed: 1 })
const head = modelAbove(model, headCut(model))
const ladder = (options: Partial<LadderOptions>): string[] =>
  ladderFor({ model, rowDims: [8], closedForm: true, rows: 100, ...options }).map(
    ({ name, place, cut }) => `${name}: ${place}${cut ? '' : ', from the inputs'}`,
  )
const closed = 'closed-form: the head, in closed form'

describe('the ladder of an update', () => {
  test('where the head alone may train has all ways to train it, of a head that is the whole model, too', () => {
    const select = { kind: 'head' } as const
    expect(ladder({ select })).toEqual([closed, 'head: the head'])
    // As beside a pack of features.
    const ofHead = { model: head, rowDims: [16], select }
    expect(ladder(ofHead)).toEqual([`${closed}, from the inputs`, 'head: the head, from the inputs'])
    expect(ladder({ ...ofHead, rungs: ['closed-form'] })).toEqual([`${closed}, from the inputs`])
    expect(ladder({ ...ofHead, rungs: ['whole'] })).toEqual(['whole: head, from the inputs'])
    expect(ladder({ ...ofHead, closedForm: false })).toEqual(['head: the head, from the inputs'])
  })

  test('is one rung where other layers or low-rank updates are asked for', () => {
    expect(ladder({ select: { kind: 'last', layers: 2 } })).toEqual(['whole: last, from the inputs'])
    expect(ladder({ lora: { rank: 2 } })).toEqual(['whole: low-rank updates, from the inputs'])
  })

  test('ends with everything where nothing is asked for', () => {
    expect(ladder({}).at(0)).toBe(closed)
    expect(ladder({}).at(1)).toBe('head: the head')
    expect(ladder({}).at(-1)).toBe('whole: everything, from the inputs')
    expect(ladder({ rungs: ['head'] })).toEqual(['head: the head'])
  })
})
