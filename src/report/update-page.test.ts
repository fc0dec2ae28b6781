import { describe, expect, test } from 'vitest'
import { wilson } from '../measure/wilson.ts'
import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { pathSvg } from './figures/path-figure.ts'
import { updateMarkdown } from './update-markdown.ts'
import { updatePage } from './update-page.ts'
import { trialsTable } from './update-rungs.ts'
import { updateText } from './update-text.ts'

/** One budget on one drop, every row counting the same. */
const alone = { activations: 0, claims: [], weighted: false, first: null, uses: null }

const flips = { negative: 2, positive: 1, total: 400 }
const point = (alpha: number, old: number, fresh: number, upper: number) => ({
  alpha,
  offset: 0.5,
  old,
  new: fresh,
  drop: 0.95 - old,
  upper,
  flips,
})
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

/** New accuracy by class. */
const classOf = (name: string, after: number, n: number, added = true) => ({
  ...{ name, added, trained: 40, n, before: 0, after },
  ...wilson(Math.round(after * n), n),
})
const blank = { lower: 0, upper: 1, negativeFlips: 0, positiveFlips: 0, crossFitted: null, byClass: [] }

const summary = (parts: Partial<UpdateSummary> = {}): UpdateSummary => ({
  schema: 'holdfast.update/2',
  status: 'met',
  met: true,
  learned: true,
  budget: 0.01,
  confidence: 0.95,
  chosen: { trial: 0, alpha: 0.75, offset: 0.5, method: 'replay+distil', tested: 3, new: 0.92 },
  old: { before: 0.95, after: 0.9475, drop: 0.0025, lower: -0.0041, upper: 0.0091, n: 1200, ...alone },
  new: {
    ...{ before: 0, after: 0.925, n: 120, negativeFlips: 0, positiveFlips: 111 },
    ...{
      lower: 0.8639,
      upper: 0.96,
      crossFitted: null,
      byClass: [classOf('fox', 0.95, 60), classOf('owl', 0.9, 60)],
    },
  },
  heldBack: null,
  unshown: null,
  morePoint: { budget: 0.02, new: 0.941 },
  stopped: null,
  expansion: null,
  trials: [
    {
      method: 'replay+distil',
      settings,
      curve: [point(0.5, 0.949, 0.6, 0.005), point(0.75, 0.9475, 0.92, 0.009), point(1, 0.9415, 0.93, 0.016)],
      outlook: [
        { drop: 0.001, new: 0.6 },
        { drop: 0.0152, new: 0.941 },
        { drop: 0.08, new: 0.97 },
      ],
    },
  ],
  verified: {
    passes: true,
    n: 1200,
    negativeFlips: 9,
    positiveFlips: 6,
    negativeFlipRate: 0.0075,
    neededN: 900,
  },
  warnings: [],
  help: [],
  seconds: { total: 12.3, train: 10, search: 2 },
  ...parts,
})

const found: Preflight = {
  classes: { known: ['cat', 'dog'], kept: ['cat'], added: ['<zebra>'], nearMisses: [] },
  taskKnown: false,
  rows: { train: 1000, heldOut: 240, exemplars: 200, oldHeldOut: 2000, oldActivations: 0, unlabelled: 0 },
  duplicates: 3,
  overlaps: [],
  method: { name: 'replay+distil', reasons: ['Old rows are there.'] },
  cost: {
    secondsPerStep: 0.01,
    trials: [{ steps: 160, seconds: 4.2 }],
    reading: 1,
    preparation: 0.5,
    check: 0.2,
  },
  power: {
    ...{ n: 1200, least: 299, tolerates: 0.016, toleratesWorse: 0.0039, neededWithFlips: 3262 },
    ...{ chance: 0.92, enough: true, smallestBudget: 0.0025 },
  },
  notes: ['a note'],
  warnings: ['a warning'],
}

describe('an update in words', () => {
  test('begins with the verdict in one sentence', () => {
    const [first, second] = updateText(summary(), 'Written: better.onnx').split('\n')
    expect(first).toBe(
      'MET. Old accuracy dropped by at most 0.91 points with 95 % confidence (1.00 are allowed); accuracy on new data went from 0.00 to 92.50 % (86.4 to 96.0 with 95 % confidence, 120 examples).',
    )
    expect(second).toBe('Written: better.onnx')
  })

  test('does not call a drop shown that passes only behind a candidate that failed', () => {
    const claim = {
      name: 'deployed',
      maxDrop: 0.01,
      verdict: 'pass',
      confidence: 0.95,
      drop: 0.0025,
      lower: -0.0041,
      upper: 0.0091,
      before: 0.95,
      after: 0.9475,
      n: 1200,
      effective: 1200,
      unseen: 0,
      neededN: 900,
    } as const
    const given = summary({ status: 'inconclusive', met: false })
    const unproven = { ...given, old: given.old && { ...given.old, claims: [claim] } }
    expect(updateText(unproven, '').split('\n')[0]).toBe(
      'INCONCLUSIVE. 1,200 old examples cannot tell whether the drop is inside 1.00 points: what was tested before this did not show it, and the proof ends there; accuracy on new data went from 0.00 to 92.50 % (86.4 to 96.0 with 95 % confidence, 120 examples).',
    )
    expect(updateText(unproven, '')).toContain('not shown to be inside')
  })

  test('says how often the rows have proved, and at what confidence the drop since the first release was tested', () => {
    const given = summary()
    const claim = {
      ...{
        name: 'total' as const,
        maxDrop: 0.03,
        verdict: 'pass' as const,
        confidence: 1 - 0.05 / 24,
        drop: 0.01,
        lower: 0.002,
      },
      upper: 0.02,
      before: 0.95,
      after: 0.94,
      n: 1200,
      effective: 1200,
      unseen: 0,
      neededN: 900,
    } as const
    const uses = [
      { releases: 0, rows: 200 },
      { releases: 3, rows: 1000 },
    ]
    const served =
      '1,000 of the 1,200 rows that this was proved on have proved releases before, up to 3 times.'
    const old = given.old && { ...given.old, first: 'one.onnx', claims: [claim], uses }
    expect(updateText({ ...given, old }, '')).toContain(
      `${served} The drop from the last release is as sure as on fresh rows; that since one.onnx, the first release, was tested at 99.79 % instead of 95 %, so that it is, too.`,
    )
    expect(updateText({ ...given, old: old && { ...old, claims: [] } }, '')).toContain(served)
    expect(updateText(given, '')).not.toContain('have proved')
  })

  test('calls a gain a gain: a bound below 0 is no drop', () => {
    const risen = (upper: number) =>
      updateText(
        summary({
          old: { before: 0.95, after: 0.955, drop: -0.005, lower: -0.01, upper, n: 1200, ...alone },
        }),
        '',
      )
    expect(risen(-0.0003)).toContain('MET. Old accuracy rose by at least 0.03 points with 95 % confidence;')
    expect(risen(-0.00001)).toContain('MET. Old accuracy did not drop, with 95 % confidence;')
    expect(risen(0.00001)).toContain('MET. Old accuracy did not drop, with 95 % confidence;')
  })

  test('says what is shown where the budget is broken', () => {
    const broken = summary({
      status: 'not-met',
      met: false,
      old: { before: 0.95, after: 0.9, drop: 0.05, lower: 0.031, upper: 0.07, n: 1200, ...alone },
    })
    expect(updateText(broken, '')).toMatch(
      /^NOT MET\. Old accuracy dropped by 5\.00 points, at least 3\.10 with 95 % confidence, and 1\.00 are allowed;/,
    )
  })

  test('says that there is nothing to gain, and that the old model stays', () => {
    const none = summary({
      status: 'nothing-to-gain',
      learned: false,
      chosen: null,
      old: { before: 0.95, after: 0.95, drop: 0, lower: 0, upper: 0, n: 1200, ...alone },
      new: { ...blank, before: 1, after: 1, n: 150 },
      trials: [],
    })
    expect(
      updateText(none, 'Written: better.onnx, the old model as it was.').split('\n').slice(0, 2),
    ).toEqual([
      'NOTHING TO GAIN. The old model answers 100.00 % of 150 new examples right, and all of those to train on: it stays as it is.',
      'Written: better.onnx, the old model as it was.',
    ])
    expect(updateText({ ...none, trials: summary().trials }, '')).toContain(
      'and training found nothing better: it stays',
    )
    const little = { ...none, new: { ...none.new, before: 0.2, after: 0.2 }, trials: summary().trials }
    expect(updateText(little, '')).toMatch(
      /^NOTHING GAINED\. The old model answers 20\.00 % of 150 new examples right, and training found nothing better: it stays as it is\./,
    )
    expect(updateMarkdown(none, found)).toContain('## ⚪ Update: nothing to gain')
    expect(updatePage(none, found, { model: 'm' })).toContain('<h1>Nothing to gain</h1>')
  })

  test('says that nothing was learned, with every warning, on every page', () => {
    const idle = summary({
      learned: false,
      new: { ...blank, before: 0, after: 0, n: 197 },
      warnings: ['Nothing was learned: so it is.'],
    })
    expect(updateText(idle, '')).toMatch(/^MET, BUT NOTHING LEARNED\. Old accuracy dropped by at most/)
    expect(updateText(idle, '')).toContain('warning: Nothing was learned: so it is.')
    expect(updateMarkdown(idle, found)).toContain('budget met, but nothing learned')
    expect(updateMarkdown(idle, found)).toContain('> **Warning.** Nothing was learned: so it is.')
    const page = updatePage(idle, found, { model: 'm' })
    expect(page).toContain('<h1>Budget met, but nothing learned</h1>')
    expect(page).toContain('<div>Nothing was learned: so it is.</div>')
  })

  test('says on every page that nothing was measured where there were no old rows', () => {
    const blind = summary({ status: 'inconclusive', met: false, old: null, verified: null })
    for (const text of [
      updateText(blind, ''),
      updateMarkdown(blind, found),
      updatePage(blind, found, { model: 'model.onnx' }),
    ]) {
      expect(text).toContain('nothing could be measured of what was kept')
    }
  })
})

describe('what a person wants to know beside the verdict', () => {
  const everywhere = (given: UpdateSummary) => [
    updateText(given, ''),
    updateMarkdown(given, found),
    updatePage(given, found, { model: 'm' }),
  ]

  test('new accuracy stands with its interval, on every page', () => {
    for (const text of everywhere(summary())) expect(text).toContain('86.4 to 96.0 with 95 % confidence')
  })

  test('classes that lost too much are named, and that none is shown to is said for no more than it is', () => {
    const { old } = summary()
    const claim = {
      ...({ name: 'classes', class: 'cat' } as const),
      ...{ maxDrop: 0.02, confidence: 0.99, lower: 0.031, upper: 0.09 },
      ...{ before: 0.9, after: 0.84, drop: 0.06, n: 100, effective: 100, unseen: 0, neededN: null },
    }
    const spoken = {
      ...({ name: 'deployed', verdict: 'pass' } as const),
      ...{ maxDrop: 0.01, confidence: 0.95, drop: 0.0025, lower: -0.0041 },
      ...{ upper: 0.0091, before: 0.95, after: 0.9475, n: 1200, effective: 1200, unseen: 0, neededN: 900 },
    }
    const worse = [
      { name: 'cat', drop: 0.06 },
      { name: 'dog', drop: 0.05 },
    ]
    const held = (parts: { readonly verdict: 'pass' | 'fail'; readonly worse: typeof worse }) =>
      old && { ...old, claims: [spoken, { ...claim, ...parts }] }
    for (const text of everywhere(summary({ old: held({ verdict: 'pass', worse: [] }) }))) {
      expect(text).toContain('and no old class is shown to have lost more than 2.00 points')
      expect(text).toContain('not shown to be outside')
    }
    const broken = summary({ status: 'not-met', met: false, old: held({ verdict: 'fail', worse }) })
    expect(updateText(broken, '')).toMatch(
      /^NOT MET\. Of the old classes "cat" lost 6\.00 points, "dog" lost 5\.00 points, and 2\.00 are allowed for each; accuracy/,
    )
    expect(updateText(broken, '')).toMatch(/old data, "cat".* 2\.00 +outside/)
  })

  test('what random features before the head gain and cost is said, and that it was not measured', () => {
    const expansion = { width: 2000, numbers: 1_200_000, closedForm: { with: 0.46, without: 0.39 } }
    for (const text of everywhere(summary({ expansion }))) {
      expect(text).toContain(
        '2,000 random features before the head: of heads worked out in closed form the budget lets 46.0 % of the new rows be right with them and 39.0 % without, by the same test on the same rows. They cost 1,200,000 numbers more, 4.6 MiB as float32.',
      )
    }
    expect(updateText(summary({ expansion: { ...expansion, closedForm: null } }), '')).toContain(
      'What they gain was not measured',
    )
  })

  test('it is the cross-fitted one where candidates were compared on the same rows, and that is said', () => {
    const crossFitted = { after: 0.88, lower: 0.81, upper: 0.927, folds: 10 }
    const fitted = summary({ new: { ...summary().new, crossFitted } })
    for (const text of everywhere(fitted)) {
      expect(text).toContain('from 0.00 to 88.00 % (81.0 to 92.7 with 95 % confidence, 120 examples)')
      expect(text).toContain(
        'each of 10 parts of the rows was answered by what would have been taken without it',
      )
      expect(text).toMatch(/new data, cross-fitted.*88\.00/s)
      expect(text).toMatch(/new data, as chosen.*92\.50/s)
    }
  })

  test('a new class that hardly any row is right of is part of the headline', () => {
    const byClass = [
      classOf('fox', 0.99, 100),
      classOf('Big Cat', 0.08, 100),
      classOf('old', 0.01, 100, false),
    ]
    const low = summary({ new: { ...summary().new, byClass } })
    const [text, markdown, page] = everywhere(low)
    expect(text).toMatch(/^MET, but "Big Cat" is right in 8 % of 100 new examples\. Old accuracy/)
    expect(markdown).toContain('Update: budget met, but "Big Cat" is right in 8 % of 100 new examples')
    expect(page).toContain('<h1>Budget met, but &quot;Big Cat&quot; is right in 8 % of 100 new examples</h1>')
    const two = summary({ new: { ...low.new, byClass: [...byClass, classOf('elk', 0.1, 50)] } })
    expect(updateText(two, '')).toContain('100 new examples, and 1 other new class below 20 %. Old')
    const lost = summary({ status: 'not-met', met: false, new: low.new })
    expect(updateText(lost, '')).toMatch(/^NOT MET\. /)
  })

  test('of few rows, and of classes that were known, nothing is said in the headline', () => {
    const byClass = [classOf('fox', 0.99, 100), classOf('cat', 0, 4), classOf('old', 0.01, 100, false)]
    expect(updateText(summary({ new: { ...summary().new, byClass } }), '')).toMatch(/^MET\. /)
  })

  test('the five classes that are right least often are shown, and said to be so', () => {
    const names = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7']
    const byClass = names.map((name, at) => classOf(name, 0.9 - at / 10, 50))
    const text = updateText(summary({ new: { ...summary().new, byClass } }), '')
    expect(text).toContain('the 5 of 7 classes that are right least often:')
    expect(text.indexOf('g7')).toBeLessThan(text.indexOf('f6'))
    expect(text).not.toContain('b2')
  })

  test('what one more point of budget would buy is said as an estimate, on the rows that are compared', () => {
    for (const text of everywhere(summary())) {
      expect(text).toContain(
        'One more point of budget, 2.00 in all, would probably buy 2.1 points of new accuracy: an estimate, 94.1 instead of 92.0 %',
      )
    }
    expect(updateText(summary({ morePoint: { budget: 0.02, new: 0.92 } }), '')).toContain(
      'probably buy nothing',
    )
    expect(updateText(summary({ morePoint: null }), '')).not.toContain('One more point')
  })

  test('where time ended the ladder is said', () => {
    for (const text of everywhere(summary({ stopped: { rung: 'everything', seconds: 312 } }))) {
      expect(text).toContain(
        'Time ended the ladder: everything did not train, as it seemed to take until 5 min 12 s',
      )
    }
  })

  test('a rung has a row for each rate that was tested, or else one for the rate that seemed best', () => {
    const [trial] = summary().trials
    if (!trial) throw new Error('no trial')
    const at = (rung: string, learningRate: number, parts: Partial<typeof trial>) => ({
      ...trial,
      settings: { ...settings, rung, learningRate },
      ...parts,
    })
    const seemed = (most: number) => ({ curve: [], outlook: [{ drop: 0.005, new: most }] })
    const trials = [
      {
        ...at('the head, in closed form', 0, seemed(0)),
        settings: { ...settings, rung: 'the head, in closed form', learningRate: 0, epochs: 0 },
      },
      at('the head', 0.03, seemed(0.5)),
      at('the head', 0.01, seemed(0.7)),
      at('the head', 0.003, seemed(0.6)),
      at('everything', 0.001, {}),
      at('everything', 0.0001, seemed(0.9)),
    ]
    const { rows, caption } = trialsTable(
      summary({
        trials,
        chosen: { trial: 4, alpha: 0.75, offset: 0.5, method: 'distil', tested: 3, new: 0.92 },
      }),
    )
    expect(rows.map(([rung, , rate, , tested, inside, word]) => [rung, rate, tested, inside, word])).toEqual([
      ['the head, in closed form', '', '0', '', ''],
      ['the head', '0.01', '0', '', ''],
      ['everything', '0.001', '3', '92.0', 'chosen'],
    ])
    expect(caption).toContain('3 other trials of the same had nothing to test')
  })
})

describe('the page', () => {
  const page = updatePage(summary(), found, { model: 'a&b.onnx', command: 'holdfast update a&b.onnx' })

  test('shows budget and chosen point in the plot, and its numbers in a table', () => {
    expect(page).toContain('>budget</text>')
    expect(page).toContain('>chosen</text>')
    expect(page).toContain('<td>0.25</td><td>0.90</td><td>92.00</td><td>chosen</td>')
    expect(page).toContain('<td>1.52</td><td></td><td>94.10</td><td>estimated</td>')
  })

  test('escapes what comes from outside, and fetches nothing', () => {
    expect(page).toContain('a&amp;b.onnx')
    expect(page).toContain('&lt;zebra&gt;')
    expect(page).not.toMatch(/<script|src=|https?:\/\//)
  })

  test('has no trade-off where nothing was measured of what is lost', () => {
    expect(page).toContain('<h2>The trade-off</h2>')
    expect(updatePage(summary({ old: null }), found, { model: 'm' })).not.toContain('The trade-off')
  })

  test('draws what was not tested hollow, and cuts it where the plot ends', () => {
    expect(page.match(/<circle class="c0 hollow"/g)).toHaveLength(1)
    expect(page.match(/<circle class="c0" /g)).toHaveLength(3)
    expect(page).not.toContain('<td>97.00</td>')
  })
})

test('a plot of its own is a file that any viewer opens', () => {
  const svg = pathSvg({ title: 'a path', points: [{ alpha: 0, old: 1, new: null }] })
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox=[^>]*><style>:root/)
})
