import { describe, expect, test } from 'vitest'
import { summarise } from './summary.ts'
import type { UpdateResult } from './update-types.ts'
import { outputPath } from './update-writing-files.ts'

const settings = {
  replay: 0.5,
  distillation: 1,
  rate: 1,
  passes: 1,
  epochs: 5,
  batchSize: 32,
  learningRate: 1e-3,
}
const flips = { negative: 0, positive: 0, total: 100 }
const end = { alpha: 1, offset: 0, old: 0.9, new: 0.95, drop: 0.02, upper: 0.03, flips }

const result = (parts: Partial<UpdateResult> = {}): UpdateResult => ({
  status: 'not-met',
  chosen: { trial: 0, alpha: 0.5, offset: 0, method: 'distil' },
  old: {
    before: 0.95,
    after: 0.93,
    drop: 0.02,
    upper: 0.0312,
    n: 1000,
    negativeFlips: 30,
    positiveFlips: 10,
  },
  new: { before: 0.1, after: 0.9, n: 50 },
  budget: 0.01,
  trials: [{ method: 'distil', settings, curve: [end] }],
  parameters: new Map(),
  path: { start: new Map(), end: new Map() },
  seconds: { train: 2, search: 1 },
  ...parts,
})

describe('a summary', () => {
  test('names the budget that the point would keep, and what is missing', () => {
    const { help, verified, met } = summarise(result(), { maxDrop: 0.01 })
    expect(met).toBe(false)
    expect(help).toEqual([
      'A budget of 3.2 points: --max-drop 3.2% would let this point through.',
      'Old examples to rehearse (--old, --method replay+distil).',
    ])
    // The drop is outside the budget: no number of rows would show the contrary.
    expect(verified).toMatchObject({ passes: false, negativeFlipRate: 0.03, neededN: null })
  })

  test('says how many rows it takes where the drop itself is inside', () => {
    const old = {
      before: 0.95,
      after: 0.948,
      drop: 0.002,
      upper: 0.014,
      n: 300,
      negativeFlips: 6,
      positiveFlips: 5,
    }
    const { help, verified } = summarise(result({ status: 'inconclusive', old }), { maxDrop: 0.01 })
    expect(verified?.neededN).toBeGreaterThan(300)
    expect(help[0]).toBe(
      `About ${verified?.neededN?.toLocaleString('en-US')} held-out old examples instead of 300.`,
    )
  })

  test('says that the budget was met by giving up what had been learned', () => {
    const met = (after: number) =>
      summarise(result({ status: 'met', new: { before: 0, after, n: 50 } }), { maxDrop: 0.05 }).help
    expect(met(0.94)).toEqual([])
    expect(met(0.3)[0]).toContain('95.0 % of the new data at the end of trial 1, 30.0 % at the chosen point')
  })

  test('knows nothing of the old without old rows', () => {
    const { old, verified, help } = summarise(result({ status: 'inconclusive', old: null }), {
      maxDrop: 0.01,
    })
    expect([old, verified]).toEqual([null, null])
    expect(help[0]).toContain('Old examples with labels')
  })
})

describe('the place of the new model', () => {
  test.each([
    ['better.onnx', 'met', false, 'better.onnx'],
    ['out/better.onnx', 'not-met', false, 'out/better.not-met.onnx'],
    ['better.onnx', 'inconclusive', false, 'better.unproven.onnx'],
    ['folder/', 'not-met', false, 'folder.not-met'],
    ['folder/', 'met', false, 'folder'],
    ['folder/', 'not-met', true, 'folder'],
    ['v1.2', 'inconclusive', false, 'v1.2.unproven'],
    ['better.onnx', 'not-met', true, 'better.onnx'],
  ] as const)('%s after %s, forced %s: %s', (path, status, force, expected) => {
    expect(outputPath(path, status, force)).toBe(expected)
  })
})
