import { describe, expect, test } from 'vitest'
import type { ClaimResult } from './path/index.ts'
import { summarise } from './summary.ts'
import type { UpdateResult } from './update-types.ts'
import { outputPath } from './update-writing-files.ts'

const settings = {
  rung: 'everything',
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

/** One budget on one drop, every row counting the same. */
const alone = { activations: 0, claims: [], weighted: false, first: null, uses: null }

const blank = { lower: 0, upper: 1, negativeFlips: 0, positiveFlips: 0, crossFitted: null, byClass: [] }

const result = (parts: Partial<UpdateResult> = {}): UpdateResult => ({
  status: 'not-met',
  learned: true,
  chosen: { trial: 0, alpha: 0.5, offset: 0, method: 'distil', tested: 1, new: 0.9 },
  heldBack: null,
  known: { old: null, new: null },
  old: {
    before: 0.95,
    after: 0.93,
    drop: 0.02,
    lower: 0.01,
    upper: 0.0312,
    n: 1000,
    negativeFlips: 30,
    positiveFlips: 10,
    ...alone,
    neededN: 2454,
  },
  new: { ...blank, before: 0.1, after: 0.9, n: 50, positiveFlips: 40 },
  unshown: null,
  stopped: null,
  expansion: null,
  budget: 0.01,
  trials: [{ method: 'distil', settings, curve: [end], outlook: [] }],
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
    // So many would show that the drop is outside.
    expect(verified).toMatchObject({ passes: false, negativeFlipRate: 0.03, neededN: 2454 })
  })

  test('names no budget that is as large as what the old model knew', () => {
    const { old } = result()
    const lost = old && { ...old, before: 0.65, after: 0.03, drop: 0.62, lower: 0.59, upper: 0.6592 }
    expect(summarise(result({ old: lost }), { maxDrop: 0.01 }).help).toEqual([
      'Old examples to rehearse (--old, --method replay+distil).',
    ])
  })

  describe('of what all releases together lost', () => {
    const helpOf = (part: Pick<ClaimResult, 'verdict' | 'lower' | 'upper'>, maxDrop = 0.04) => {
      const claim: ClaimResult = {
        ...{
          name: 'total',
          maxDrop,
          confidence: 0.95,
          drop: 0.05,
          before: 0.95,
          after: 0.9,
          n: 300,
          ...part,
        },
        ...{ effective: 300, flips, unseen: 0, neededN: null },
      }
      const { old } = result()
      const { help } = summarise(result({ old: old && { ...old, first: 'one.onnx', claims: [claim] } }), {
        maxDrop: 0.01,
      })
      return help.filter((line) => line.includes('all releases together'))
    }

    test('names a budget that is near the one asked for', () => {
      expect(helpOf({ verdict: 'fail', lower: 0.05, upper: 0.0712 })).toEqual([
        "A larger budget for all releases together: against one.onnx up to 7.1 points are lost, and 4.0 are allowed (--max-drop-total 7.2%). Or a new pack of today's model, which makes it the first release.",
      ])
    })

    test.each([
      ['more than twice as large', 0.6, 0.66, 0.04],
      ['over 20 points', 0.19, 0.22, 0.18],
    ])('names no budget that is %s, and says what is the matter', (_, lower, upper, maxDrop) => {
      const [failed = '', ...none] = helpOf({ verdict: 'fail', lower, upper }, maxDrop)
      expect(none).toEqual([])
      expect(failed).not.toContain('--max-drop-total')
      expect(failed).toContain(`against one.onnx at least ${(100 * lower).toFixed(1)} points are lost`)
      const [unclear] = helpOf({ verdict: 'inconclusive', lower: -0.01, upper }, maxDrop)
      expect(unclear).toBe(
        `More held-out old examples for what all releases together lose: against one.onnx that is -1.0 to ${(100 * upper).toFixed(1)} points by 300 rows, too few to tell whether it is inside the ${(100 * maxDrop).toFixed(1)} allowed.`,
      )
    })
  })

  test('says how many rows it takes where the drop itself is inside', () => {
    const old = {
      before: 0.95,
      after: 0.948,
      drop: 0.002,
      lower: -0.01,
      upper: 0.014,
      n: 300,
      negativeFlips: 6,
      positiveFlips: 5,
      ...alone,
      neededN: 4000,
    }
    const { help, verified } = summarise(result({ status: 'inconclusive', old }), { maxDrop: 0.01 })
    expect(verified?.neededN).toBeGreaterThan(300)
    expect(help[0]).toBe(
      `About ${verified?.neededN?.toLocaleString('en-US')} held-out old examples instead of 300.`,
    )
  })

  test('says what the budget held back on the same rows: a point does not lose to itself', () => {
    const met = (heldBack: UpdateResult['heldBack']) =>
      summarise(result({ status: 'met', heldBack, new: { ...result().new, after: 0.61 } }), { maxDrop: 0.05 })
        .help
    expect(met(null)).toEqual([])
    expect(met({ trial: 0, reached: 0.69, chosen: 0.5 })[0]).toContain(
      'by "everything, rate 0.001" 69.0 % of the new rows that points were compared on are right, where the border between old and new serves both best; 50.0 % of the same rows are at the chosen point',
    )
  })

  describe('advises by what limits', () => {
    const outlook = [
      { drop: 0.005, new: 0.6 },
      { drop: 0.009, new: 0.7 },
      { drop: 0.014, new: 0.8 },
      { drop: 0.05, new: 0.95 },
    ]
    const old = { ...result().old, drop: 0.005, upper: 0.009, n: 1000, ...alone } as NonNullable<
      UpdateResult['old']
    >
    const chosen = { trial: 0, alpha: 0.5, offset: 0, method: 'distil', tested: 2, new: 0.6 }
    const trials = [{ method: 'distil', settings, curve: [end], outlook }]
    const met = (parts: Partial<UpdateResult>) =>
      summarise(result({ status: 'met', chosen, old, trials, ...parts }), { maxDrop: 0.01 })

    test('another budget, where a point more would buy a lot; and what it would buy, always', () => {
      expect(met({}).morePoint).toEqual({ budget: 0.02, new: 0.8 })
      expect(met({}).help).toEqual([
        'Another budget: with --max-drop 2.0% probably about 80.0 % of the new rows that points were compared on would be right, instead of 60.0 %.',
      ])
      const little = met({ chosen: { ...chosen, new: 0.78 } })
      expect(little.morePoint?.new).toBe(0.8)
      expect(little.help).toEqual([])
      // What was chosen is never worse under a larger budget.
      expect(met({ chosen: { ...chosen, new: 0.9 } }).morePoint?.new).toBe(0.9)
      expect(met({ status: 'inconclusive' }).morePoint).toBeNull()
      expect(met({ old: null }).morePoint).toBeNull()
    })

    test('more old rows, where a point further on was seen inside and not shown', () => {
      const help = (neededN: number, own = 0.6) =>
        met({ unshown: { new: 0.65, neededN }, chosen: { ...chosen, new: own } }).help.join()
      expect(help(2400)).toContain(
        'the next point is seen inside the budget, but 1,000 do not show it; about 2,400 would. By an estimate up to 70.0 % of the new rows that points were compared on can be right inside the budget; 60.0 % of the same rows are at the chosen point.',
      )
      // Nobody gathers a million rows, and for nothing nobody gathers any.
      expect(help(1_000_000)).not.toContain('held-out')
      expect(help(2400, 0.7)).not.toContain('held-out')
    })

    test('more new rows of a class that lags behind the others', () => {
      const byClass = [
        ['fox', 0.95, 100],
        ['cat', 0.08, 100],
        ['elk', 0.3, 50],
        ['few', 0, 4],
      ].map(([name, after, n]) => ({
        ...{ name: String(name), added: true, trained: 40, n: Number(n), before: 0, after: Number(after) },
        ...{ lower: 0, upper: 1 },
      }))
      const fresh = { ...result().new, byClass }
      expect(met({ new: fresh }).help.at(-1)).toBe(
        'More new examples of classes that lag behind: "cat" (8.0 % of 100 are right; 40 rows to train on), "elk" (30.0 % of 50 are right; 40 rows to train on).',
      )
      // Where all are low no class is what limits.
      expect(met({ new: { ...fresh, after: 0.2 } }).help.join()).not.toContain('lag behind')
    })

    test('no random features, where they gain less than a point', () => {
      const help = (gain: number) =>
        met({
          expansion: { width: 40, numbers: 500, closedForm: { with: 0.5 + gain, without: 0.5 } },
        }).help.join()
      expect(help(0.005)).toContain('leave out --expand-head')
      expect(help(0.02)).not.toContain('--expand-head')
    })

    test('more time, where the ladder ended for want of it', () => {
      const { help, stopped } = met({ stopped: { rung: 'everything', seconds: 200.4 } })
      expect(stopped).toEqual({ rung: 'everything', seconds: 200.4 })
      expect(help.at(-1)).toBe(
        'More time: everything did not train, as that seemed to end only after 201 seconds (--time 5m).',
      )
    })
  })

  test('says that nothing was learned, and that a gain may be chance', () => {
    const warned = (parts: Partial<UpdateResult>) =>
      summarise(result({ status: 'met', ...parts }), { maxDrop: 0.05 }).warnings
    const of = (before: number, after: number, negativeFlips: number, positiveFlips: number) => ({
      ...blank,
      before,
      after,
      n: 50,
      negativeFlips,
      positiveFlips,
    })
    expect(warned({})).toEqual([])
    expect(warned({ learned: false, new: of(0, 0, 0, 0) })[0]).toMatch(
      /^Nothing was learned: of 50 new examples 0\.00 % are right before and 0\.00 % after\./,
    )
    expect(warned({ new: of(0.8, 0.84, 1, 3) })[0]).toMatch(
      /^The gain may be chance: of 50 new examples 3 are right now that were not, and 1 the reverse\./,
    )
    const seen = of(0.5, 0.7, 1, 11)
    const fitted = (after: number) => ({ ...seen, crossFitted: { after, lower: 0, upper: 1, folds: 10 } })
    expect(warned({ new: fitted(0.4) })).toEqual([
      'No gain is shown: cross-fitted, new accuracy goes from 50.00 to 40.00 %. It is higher only on the rows that candidates were compared on. More held-out new examples would tell.',
    ])
    expect(warned({ new: fitted(0.6) })).toEqual([])
    const stays = { status: 'nothing-to-gain', learned: false, chosen: null } as const
    expect(warned({ ...stays, new: of(0.98, 0.98, 0, 0) })).toEqual([])
    // Where the old model knew little, that nothing better was found is worth a warning, and advice.
    const knewLittle = result({ ...stays, new: of(0.2, 0.2, 0, 0) })
    expect(warned(knewLittle)[0]).toMatch(/^Nothing was learned: of 50 new examples 20\.00 %/)
    expect(summarise(knewLittle, { maxDrop: 0.05 })).toMatchObject({
      met: true,
      help: [expect.stringMatching(/^Longer training \(--epochs\)/)],
    })
  })

  test('says where the old model did no better than chance before the update', () => {
    const atChance = { right: 251, total: 1000, byChance: 0.25, classes: 4 }
    const { warnings } = summarise(result({ known: { old: atChance, new: atChance } }), { maxDrop: 0.05 })
    expect(warnings[0]).toMatch(
      /^Before the update the model answers 251 of 1,000 old examples right \(25\.1 %\), no more than answers dealt out at random would be \(25\.0 %\)/,
    )
    expect(warnings[1]).toContain('251 of 1,000 new examples of classes that it knows')
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
    ['better.onnx', 'nothing-to-gain', false, 'better.onnx'],
  ] as const)('%s after %s, forced %s: %s', (path, status, force, expected) => {
    expect(outputPath(path, status, force)).toBe(expected)
  })
})
