import { describe, expect, it } from 'vitest'
import { float32 } from '../tensor/tensor.ts'
import { labelAccuracy, labelMacroF1, macroF1, rightAnswers, subsetAccuracy } from './scores.ts'

describe('several labels a row', () => {
  // Answers 1 0 1, 0 0 1, 1 1 0 and 0 0 0.
  const logits = Float32Array.of(2, -1, 3, -2, -1, 0.5, 1, 4, -3, -1, -1, -1)
  const targets = float32([4, 3], [1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0])

  it('are scored by labels, by whole rows, and by the F1 of each label', () => {
    expect(labelAccuracy(logits, targets.data)).toBeCloseTo(10 / 12, 12)
    expect(subsetAccuracy(logits, targets)).toBe(2 / 4)
    // F1 of 1, 0 (each once asked for and once given, never together) and 1.
    expect(labelMacroF1(logits, targets)).toBeCloseTo(2 / 3, 12)
  })
})

describe('classes', () => {
  const labels = Int32Array.of(0, 0, 1, 1, 2, -100, 2)
  const answers = Int32Array.of(0, 1, 1, 1, 0, 3, 2)

  it('are scored by what is right, where there is a label', () => {
    expect(rightAnswers(answers, labels)).toEqual({ right: 4, counting: 6 })
    expect(rightAnswers(answers, new Int32Array(7).fill(-100))).toEqual({ right: 0, counting: 0 })
  })

  it('are scored by the mean F1 of those that are a label or an answer', () => {
    // 0: TP 1, FN 1, FP 1; 1: TP 2, FP 1; 2: TP 1, FN 1.
    expect(macroF1(answers, labels)).toBeCloseTo((2 / 4 + 4 / 5 + 2 / 3) / 3, 12)
    expect(macroF1(Int32Array.of(5, 5), Int32Array.of(5, 5))).toBe(1)
  })
})
