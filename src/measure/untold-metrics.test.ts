import { describe, expect, it } from 'vitest'
import { anytimeAccuracy, forgettingBetween, untoldMetrics } from './untold-metrics.ts'

const look = (step: number, ...accuracies: (number | null)[]) => ({ step, task: 0, accuracies })

describe('figures without task ends', () => {
  const curve = [look(10, 0.8, null, null), look(20, 0.9, 0.3, null), look(40, 0.5, 0.6, 0.4)]

  it('weighs each look by the steps since the one before', () => {
    // 10 steps at 0.8, 10 at 0.6, 20 at 0.5.
    expect(anytimeAccuracy(curve)).toBeCloseTo((10 * 0.8 + 10 * 0.6 + 20 * 0.5) / 40, 12)
    expect(anytimeAccuracy([])).toBeNull()
  })

  it('measures what was lost from the best look before the end, the last task left out', () => {
    expect(forgettingBetween(curve)).toBeCloseTo((0.4 + -0.3) / 2, 12)
    expect(forgettingBetween([look(10, 0.8, 0.2)])).toBeNull()
    expect(forgettingBetween([])).toBeNull()
  })

  it('gives no figure that needs to know where a task ended', () => {
    expect(untoldMetrics({ matrix: [[0.5, 0.6, 0.4]], curve })).toEqual({
      averageAccuracy: 0.5,
      anytimeAccuracy: anytimeAccuracy(curve),
      forgetting: forgettingBetween(curve),
      ...{ backwardTransfer: null, forwardTransfer: null, averageIncremental: null },
      ...{ intransigence: null, stabilityGap: null },
    })
  })
})
