import { describe, expect, test } from 'vitest'
import { type KindFlags, refuseOtherFlags } from './keep-texts.ts'

const none: KindFlags = {
  ...{ private: false, sumsOnly: false, fisher: false, numbersArePositions: false, paragraphs: false },
}

describe('flags of the other kind of model are refused by name', () => {
  const ofClassifiers: readonly (readonly [string, Partial<KindFlags>])[] = [
    ['--per-class', { perClass: 3 }],
    ['--choose herding', { choose: 'herding' }],
    ['--held-out-activations', { heldOutActivations: 0 }],
    ['--activations-at', { activationsAt: 'features' }],
    ['--traffic', { traffic: 'shares.csv' }],
    ['--private', { private: true }],
    ['--sums-only', { sumsOnly: true }],
    ['--expand-head', { expandHead: 100 }],
    ['--fisher', { fisher: true }],
    ['--numbers-are-positions', { numbersArePositions: true }],
  ]
  const ofTexts: readonly (readonly [string, Partial<KindFlags>])[] = [
    ['--choose spread', { choose: 'spread' }],
    ['--top-tokens', { topTokens: 0 }],
    ['--documents', { documents: 'text' }],
    ['--paragraphs', { paragraphs: true }],
    ['--overlap', { overlap: 0 }],
  ]
  test.each([
    ...ofClassifiers.map(([flag, given]) => [flag, given, true] as const),
    ...ofTexts.map(([flag, given]) => [flag, given, false] as const),
  ])('%s', (flag, given, texts) => {
    const asked = { ...none, ...given }
    expect(() => refuseOtherFlags(asked, texts)).toThrow(
      expect.objectContaining({
        code: 'keep-flag',
        message: expect.stringMatching(new RegExp(`^${flag} is for`)),
      }),
    )
    expect(() => refuseOtherFlags(asked, !texts)).not.toThrow()
  })

  test('what both have is not', () => {
    for (const texts of [true, false]) {
      expect(() => refuseOtherFlags({ ...none, choose: 'hardest' }, texts)).not.toThrow()
    }
  })
})
