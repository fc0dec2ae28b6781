import { describe, expect, test } from 'vitest'
import { among, blobNames, blobs } from '../../test/blobs.ts'
import { concatenate, subset, withLabels } from '../data/dataset.ts'
import { chooseExemplars } from './hold-out.ts'
import { type PreflightOptions, preflight } from './preflight.ts'
import { chooseMethod } from './recipes/update-method.ts'

const old = blobNames.slice(0, 3)
const all = blobNames.slice(0, 4)
const rows = (classes: readonly string[], perClass: number, seed: number) =>
  among(blobs({ classes, perClass, seed }), all)
const first = (count: number) => Int32Array.from({ length: count }, (_, row) => row)

const look = (parts: Partial<PreflightOptions['data']> = {}, maxDrop = 0.01) =>
  preflight({
    classes: { known: old, kept: [], added: ['denim'], nearMisses: [] },
    data: {
      train: rows(['denim'], 40, 1),
      heldOut: rows(['denim'], 20, 2),
      exemplars: rows(old, 20, 3),
      oldHeldOut: rows(old, 700, 4),
      ...parts,
    },
    method: chooseMethod(undefined, { exemplars: true, unlabelled: false, added: true }),
    budget: { maxDrop },
  })

describe('the preflight', () => {
  test('finds nothing to warn of in data that are sound', () => {
    expect(look()).toMatchObject({
      rows: { train: 40, heldOut: 20, exemplars: 60, oldHeldOut: 2100, unlabelled: 0 },
      duplicates: 0,
      overlaps: [],
      warnings: [],
      method: { name: 'replay+distil' },
      power: { n: 2100, enough: true },
    })
  })

  test('finds old classes that nothing will be shown of', () => {
    expect(look({ oldHeldOut: rows(old.slice(0, 2), 700, 4) }).warnings).toEqual([
      `There is no old row of ${old[2]} to prove on: nothing will be shown of what the model still knows of it, and it may be lost.`,
    ])
    const [warning] = look({ oldHeldOut: rows(old.slice(0, 1), 700, 4) }).warnings
    expect(warning).toMatch(`no old row of ${old[1]}, ${old[2]} to prove on`)
    expect(look({ oldHeldOut: undefined, exemplars: undefined }).warnings.join()).not.toContain(
      'to prove on:',
    )
  })

  test('finds rows that stand in two parts, and labels that contradict each other', () => {
    const train = rows(['denim'], 40, 1)
    const copied = subset(rows(old, 700, 4), first(5))
    const relabelled = withLabels(copied, {
      type: 'int32',
      dims: [5],
      data: new Int32Array(5).fill(3),
    })
    const found = look({
      train: concatenate([train, subset(train, first(7)), relabelled]),
      heldOut: subset(train, first(10)),
    })
    expect(found.duplicates).toBe(7)
    expect(found.overlaps).toEqual([
      { parts: ['new held-out rows', 'new training rows'], rows: 10, conflicting: 0 },
      { parts: ['old held-out rows', 'new training rows'], rows: 5, conflicting: 5 },
    ])
    expect(found.warnings[1]).toBe(
      '5 inputs stand both among the old held-out rows and the new training rows, 5 of them under another class. What is measured on them looks better than it is: take them out of one of the two.',
    )
  })

  test('says beforehand that few old rows cannot show a small budget, and what they can show', () => {
    const { power, warnings } = look({ oldHeldOut: rows(old, 50, 4) })
    expect(power?.enough).toBe(false)
    expect(power?.n).toBe(150)
    const smallest = power?.smallestBudget ?? 0
    const least = (maxDrop: number) => look({ oldHeldOut: rows(old, 50, 4) }, maxDrop).power?.least
    expect(least(smallest * 1.001)).toBe(150)
    expect(least(smallest * 0.95)).toBeGreaterThan(150)
    expect(warnings[0]).toBe(
      '150 old rows to prove on cannot show a drop of at most 1.00 points, even if no answer changes: that takes 299. So many can show 1.98 at best. The result will probably be inconclusive (exit code 3).',
    )
    const some = look({ oldHeldOut: rows(old, 120, 4) })
    expect(some.warnings[0]).toMatch(
      /^360 old rows to prove on are few for a budget of 1\.00 points: if 1 % of answers change, as many for the better as for the worse, they show it in \d\d % of cases\./,
    )
  })

  test('does not warn of rows that will probably do: 722 for a point', () => {
    const { power, warnings } = look({ oldHeldOut: subset(rows(old, 250, 4), first(722)) })
    expect(warnings).toEqual([])
    expect(power?.tolerates).toBeCloseTo(0.0074, 3)
    expect(power?.toleratesWorse).toBeCloseTo(0.0021, 3)
  })

  test('asks for more rows where a class that comes often has few of them, and finds none enough where it has none', () => {
    const plain = look({}).power
    const even = look({ traffic: [1 / 3, 1 / 3, 1 / 3, 0] }).power
    const skewed = look({ traffic: [0.9, 0.05, 0.05, 0] }).power
    if (!plain || !even || !skewed) throw new Error('no power')
    expect(even.least).toBeLessThan(1.1 * (plain.least ?? 0))
    expect(skewed.least).toBeGreaterThan(2 * (plain.least ?? 0))
    expect(skewed.chance).toBeLessThan(plain.chance)
    expect(skewed.tolerates).toBeLessThan((plain.tolerates ?? 0) / 2)
    expect(look({ traffic: [0.5, 0.2, 0.2, 0.1] }).power).toMatchObject({ enough: false, smallestBudget: 1 })
  })

  test('knows that a drop of nothing cannot be shown, and nothing at all without old rows', () => {
    expect(look({}, 0).power).toMatchObject({ least: null, enough: false })
    const none = look({ exemplars: undefined, oldHeldOut: undefined })
    expect(none.power).toBeNull()
    expect(none.warnings[0]).toContain('exit code 3')
  })

  test('names classes without rows, and such as are spelled almost alike', () => {
    const found = preflight({
      classes: {
        known: old,
        kept: [],
        added: ['denim', 'Amber'],
        nearMisses: [{ data: 'Amber', model: 'amber' }],
      },
      data: { train: among(rows(['denim'], 5, 1), [...all, 'Amber']), heldOut: rows(['denim'], 20, 2) },
      method: chooseMethod(undefined, { exemplars: false, unlabelled: false, added: true }),
      budget: { maxDrop: 0.01 },
    })
    expect(found.warnings[0]).toContain('"Amber" is spelled almost as "amber"')
    expect(found.warnings[1]).toBe('There is no new training row of Amber: nothing can be learned of it.')
  })
})

describe('exemplars', () => {
  test('are all of a small set, and as many of each class of a large one', () => {
    const small = rows(old, 100, 7)
    expect(chooseExemplars(small, 1)).toBe(small)
    const large = concatenate([rows(['amber'], 3000, 8), rows(['blue', 'coral'], 900, 9)])
    const chosen = chooseExemplars(large, 1)
    expect(all.map((_, unit) => chosen.labels.data.filter((label) => label === unit).length)).toEqual([
      666, 666, 666, 0,
    ])
  })
})
