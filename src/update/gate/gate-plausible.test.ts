import { describe, expect, it } from 'vitest'
import type { PredictionSet } from '../../data/formats/predictions.ts'
import { gate } from './gate.ts'

const labels = ['1', '2', '3']
/** 300 answers, of which those whose number is a multiple of `everyNth` are wrong, spelled by `spell`. */
function answers(
  name: string,
  everyNth: number,
  spell = (label: string) => label,
  names: readonly string[] = labels,
): PredictionSet {
  const nameAt = (at: number) => names[at % names.length] ?? ''
  return {
    name,
    predictions: Array.from({ length: 300 }, (_, n) => ({
      id: `${n}`,
      label: nameAt(n),
      pred: spell(nameAt(n % everyNth === 0 ? n + 1 : n)),
    })),
  }
}
const spelling = expect.objectContaining({ code: 'predictions-spelling' })

describe('classes that are spelled otherwise in predictions than in labels', () => {
  const good = answers('good.jsonl', 10)
  it.each<[string, (label: string) => string, readonly string[]]>([
    ['as decimal numbers', (label) => `${label}.0`, labels],
    ['with zeros in front', (label) => label.padStart(4, '0'), labels],
    ['with spaces inside', (label) => label.replace('_', ' '), ['a_cat', 'a_dog', 'a_cow']],
    ['with other capitals', (label) => label.toUpperCase(), ['cat', 'dog', 'cow']],
    ['in another Unicode form', (label) => label.normalize('NFD'), ['café', 'thé', 'gâteau']],
    ['as something else altogether', (label) => `class ${label.charCodeAt(0)}`, ['cat', 'dog', 'cow']],
  ])('are an error on either side and in golden, with both spellings: %s', (_, spell, names) => {
    const [right, other] = [
      answers('right.jsonl', 10, undefined, names),
      answers('other.jsonl', 10, spell, names),
    ]
    for (const run of [
      () => gate(other, right, { maxDrop: 0.01 }),
      () => gate(right, other, { maxDrop: 0.01 }),
      () => gate(right, right, { maxDrop: 0.01, golden: other }),
    ]) {
      expect(run).toThrow(spelling)
      expect(run).toThrow('other.jsonl')
      expect(run).toThrow(`"${names[0]}"`)
      expect(run).toThrow(`"${spell(names[0] ?? '')}"`)
    }
  })
  it('are an error where it is one class of several, which would count as always wrong', () => {
    const one = answers('one.jsonl', 10, (label) => (label === '2' ? '2.0' : label))
    expect(() => gate(one, good, { maxDrop: 0.01 })).toThrow(spelling)
    expect(() => gate(one, good, { maxDrop: 0.01 })).toThrow('"2.0"')
  })
  it('are none where a model answers classes that the labels do not have, or both spellings are classes', () => {
    const more = answers('more.jsonl', 10, (label) => (label === '2' ? 'new class' : label))
    expect(gate(good, more, { maxDrop: 0.01 }).verdict).toBe('fail')
    const both = ['cat', 'Cat', 'dog']
    const result = gate(answers('a', 10, undefined, both), answers('b', 10, undefined, both), {
      maxDrop: 0.05,
    })
    expect(result.verdict).toBe('pass')
  })
})

describe('a side that is no better than always giving one answer', () => {
  it('is a warning, and none where it is better', () => {
    const [good, guessing] = [answers('good.jsonl', 10), answers('guessing.jsonl', 1, (label) => label)]
    const constant: PredictionSet = {
      ...guessing,
      predictions: guessing.predictions.map((each) => ({ ...each, pred: '2' })),
    }
    const { warnings, verdict } = gate(constant, good, { maxDrop: 0.01 })
    expect(verdict).toBe('pass')
    expect(warnings).toEqual([
      'guessing.jsonl answers 33.33 % rightly, which is not shown to be more than always answering "1" would (33.33 %): a verdict on it says little. Look whether it is the right file.',
      'Shown to have lost more than the budget, which does not count without --max-drop-per-class: 2 (10.00 points).',
    ])
    expect(gate(good, good, { maxDrop: 0.01 }).warnings).toEqual([])
    expect(gate(good, constant, { maxDrop: 0.01 }).warnings[0]).toContain('guessing.jsonl answers')
  })
  it('is none where there is one class only, which every answer of it is right for', () => {
    const one = ['1']
    expect(
      gate(answers('a', 400, undefined, one), answers('b', 400, undefined, one), { maxDrop: 0.1 }).warnings,
    ).toEqual([])
  })
})

describe('two sides with the same answers to the last bit of their probabilities', () => {
  const sure = (name: string, certain = 0.75): PredictionSet => {
    const { predictions } = answers(name, 10)
    return { name, predictions: predictions.map((each) => ({ ...each, probs: { [each.pred]: certain } })) }
  }
  it('are a warning: they may be one model given twice', () => {
    expect(gate(sure('old.onnx'), sure('new.onnx'), { maxDrop: 0.5 }).warnings).toEqual([
      'old.onnx and new.onnx give the same probabilities for every example: they seem to be one model, and the verdict says nothing of another. Look whether the candidate is the right file.',
    ])
  })
  it('are none where a probability differs, or where none are said', () => {
    expect(gate(sure('old.onnx'), sure('new.onnx', 0.7500001), { maxDrop: 0.5 }).warnings).toEqual([])
    expect(gate(answers('a', 10), answers('b', 10), { maxDrop: 0.5 }).warnings).toEqual([])
  })
  it('are none against the golden baseline, which may well be the model before', () => {
    const result = gate(sure('old.onnx'), sure('new.onnx', 0.8), {
      maxDrop: 0.5,
      golden: sure('golden.jsonl'),
    })
    expect(result.warnings).toEqual([])
  })
})
