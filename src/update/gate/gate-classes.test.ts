import { describe, expect, it } from 'vitest'
import type { PredictionSet } from '../../data/formats/predictions.ts'
import { type GateOptions, gate } from './gate.ts'

/** 100 answers for each label, of which so many are wrong: they are `instead`. */
const side = (
  name: string,
  wrong: Readonly<Record<string, number>>,
  { classes, instead = '4' }: { readonly classes?: readonly string[]; readonly instead?: string } = {},
): PredictionSet => ({
  name,
  ...(classes ? { classes } : {}),
  predictions: Object.entries(wrong).flatMap(([label, misses]) =>
    Array.from({ length: 100 }, (_, n) => ({
      id: `${label} ${n}`,
      label,
      pred: n < misses ? instead : label,
    })),
  ),
})
const old = ['0', '1', '2']
const grown = [...old, '4']
/** Knows nothing of 4, and is else right. */
const baseline = (wrong: Readonly<Record<string, number>>) =>
  side('old.onnx', wrong, { classes: old, instead: '0' })
const before = { 0: 0, 1: 0, 2: 0, 4: 100 }
const after = { 0: 0, 1: 20, 2: 20, 4: 0 }

describe('classes that the baseline does not know', () => {
  const forgets = side('new.onnx', after, { classes: grown })
  const options: GateOptions = { maxDrop: 0.03 }
  it('do not pay for what was forgotten: their examples are left out, and said', () => {
    const result = gate(baseline(before), forgets, options)
    const alone = gate(baseline({ 0: 0, 1: 0, 2: 0 }), side('new.onnx', { 0: 0, 1: 20, 2: 20 }), options)
    expect(result).toMatchObject({
      ...{ verdict: 'fail', n: 300, drop: alone.drop, lower: alone.lower, upper: alone.upper },
      ...{ flips: alone.flips, balanced: alone.balanced, perClass: alone.perClass },
      newClasses: [{ name: '4', n: 100, accuracy: 1 }],
    })
    expect(result.warnings[0]).toBe(
      'Left out of the comparison with old.onnx: 100 examples of 1 class that it does not know (4). They say nothing of what was forgotten.',
    )
  })
  it('count where the baseline does not say what it knows, as in a file', () => {
    const file = side('old.jsonl', before, { instead: '0' })
    const { verdict, n, newClasses } = gate(file, forgets, options)
    expect({ verdict, n, newClasses }).toEqual({ verdict: 'pass', n: 400, newClasses: [] })
  })
  it('are no part of the traffic either, nor of what the golden baseline is asked', () => {
    const traffic = new Map(grown.map((name) => [name, 1]))
    const last = side('last.onnx', { 0: 0, 1: 18, 2: 18, 4: 0 }, { classes: grown })
    const plain = { maxDrop: 0.05, maxDropTotal: 0.03, traffic }
    for (const golden of [baseline(before), side('golden.jsonl', before, { instead: '0' })]) {
      const result = gate(baseline({ 0: 0, 1: 18, 2: 18, 4: 100 }), forgets, { ...plain, golden })
      expect(result.golden).toMatchObject({ n: 300, unseen: 0, verdict: 'fail' })
      expect([result.n, result.unseen]).toEqual([300, 0])
    }
    const known = gate(last, forgets, { ...plain, golden: baseline(before) })
    expect([known.n, known.golden?.n, known.golden?.unseen]).toEqual([400, 300, 0])
    expect(known.golden?.verdict).toBe('fail')
  })
  it('leave a baseline that is right on all it knows without a warning of chance', () => {
    const much = side('old.onnx', { 0: 0, 1: 0, 4: 100, 5: 100 }, { classes: old, instead: '0' })
    const { warnings } = gate(much, side('new.onnx', { 0: 0, 1: 0, 4: 0, 5: 0 }), options)
    expect(warnings).toEqual([
      'Left out of the comparison with old.onnx: 200 examples of 2 classes that it does not know (4, 5). They say nothing of what was forgotten.',
    ])
  })
  it('may have examples that must never flip', () => {
    const result = gate(baseline(before), forgets, { ...options, neverFlip: [{ id: '4 1' }] })
    expect(result.neverFlip).toEqual({ listed: 1, broken: [] })
  })
})

describe('a model that forgot all', () => {
  const lost = { 0: 100, 1: 100, 2: 100 }
  it('fails, as its classes are spelled as the labels are', () => {
    const sound = baseline({ 0: 0, 1: 0, 2: 0 })
    expect(gate(sound, side('new.onnx', lost, { classes: grown }), { maxDrop: 0.03 })).toMatchObject({
      verdict: 'fail',
      accuracy: { baseline: 1, candidate: 0 },
    })
  })
  it('is an error of spelling where no label is a class of it, or it is a file', () => {
    const sound = baseline({ 0: 0, 1: 0, 2: 0 })
    for (const classes of [['4', '5'], undefined]) {
      const other = side('new', lost, classes ? { classes } : {})
      expect(() => gate(sound, other, { maxDrop: 0.03 })).toThrow(
        expect.objectContaining({ code: 'predictions-spelling' }),
      )
    }
  })
  it('may have two classes that differ in spelling alone, and answer one of them only', () => {
    const cats = (name: string, cat: number) =>
      side(name, { cat, dog: 0 }, { classes: ['cat', 'Cat', 'dog'], instead: 'Cat' })
    expect(gate(cats('old', 0), cats('new', 100), { maxDrop: 0.03 }).verdict).toBe('fail')
  })
})

describe('classes without an example', () => {
  const part = { 0: 0, 1: 0 }
  const said = (known: readonly string[]) =>
    gate(side('a', part, { classes: known }), side('b', part, { classes: [...known, '4'] }), {
      maxDrop: 0.1,
    }).warnings
  it('are named where both models know them', () => {
    expect(said(['0', '1', '2', '3'])).toEqual([
      'The data hold no example of 2 classes that both models know (2, 3): nothing is shown of them.',
    ])
    expect(said(['0', '1', '2'])[0]).toContain('1 class that both models know (2): nothing is shown of it.')
    expect(said(Array.from({ length: 42 }, (_, n) => `${n}`))[0]).toContain(
      '40 classes that both models know (2, 3, 4, 5, 6, 7, 8, 9, ...)',
    )
  })
  it('are not, where all have one, or one side does not say what it knows', () => {
    expect(said(['0', '1'])).toEqual([])
    expect(gate(side('a', part), side('b', part, { classes: grown }), { maxDrop: 0.1 }).warnings).toEqual([])
  })
})

describe('classes and slices that are shown to have lost more than the budget', () => {
  const lost = side('b', { 0: 0, 1: 60, 2: 0 })
  const sound = side('a', { 0: 0, 1: 0, 2: 0 })
  it('are a warning of the result, and none where a rule holds them', () => {
    expect(gate(sound, lost, { maxDrop: 0.3 }).warnings).toEqual([
      'Shown to have lost more than the budget, which does not count without --max-drop-per-class: 1 (60.00 points).',
    ])
    expect(gate(sound, lost, { maxDrop: 0.3, maxDropPerClass: 0.3 }).warnings).toEqual([])
    const night = (set: PredictionSet) => ({
      ...set,
      predictions: set.predictions.map((each) =>
        each.label === '1' ? { ...each, slices: ['night'] } : each,
      ),
    })
    expect(gate(night(sound), night(lost), { maxDrop: 0.3 }).warnings[1]).toContain(
      '--max-drop-per-slice: night (60.00 points).',
    )
  })
})
