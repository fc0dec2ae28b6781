import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { duration, meanAndError, methodName, methodTitle, shortNames } from './format.ts'
import { escapeText, html } from './markup.ts'
import { linear, spread } from './scale.ts'

describe('words and numbers', () => {
  it('names methods as the field does', () => {
    expect(['none', 'ewc', 'ewc+replay', 'my-own'].map(methodTitle)).toEqual([
      'Fine-tuning',
      'EWC',
      'EWC + replay',
      'My-own',
    ])
    expect(methodName('der++')).toBe('DER++')
    expect(['icarl', 'replay+bic', 'weight-aligning'].map(methodTitle)).toEqual([
      'iCaRL',
      'Replay + BiC',
      'Weight aligning',
    ])
  })
  it('gives an error only where there are two values', () => {
    expect(meanAndError([0.9, 0.92, null])).toBe('91.0 ± 1.0')
    expect(meanAndError([0.9, undefined])).toBe('90.0')
    expect(meanAndError([null])).toBeUndefined()
  })
  it('rounds durations without carrying over', () => {
    const spoken = [0.0123, 0.9999, 9.96, 59.7, 60, 3599.6, 3725, 86_400 * 1.5, Number.NaN].map(duration)
    expect(spoken).toEqual([
      '12 ms',
      '1.0 s',
      '10 s',
      '1 min 00 s',
      '1 min 00 s',
      '1 h 00 min',
      '1 h 02 min',
      '1 d 12 h',
      '?',
    ])
  })
  it('shortens task names by what they share, else numbers them', () => {
    expect(shortNames(['digits 0-4', 'digits 5-9'], 8)).toEqual(['0-4', '5-9'])
    expect(shortNames(['aeroplanes', 'b'], 8)).toEqual(['1', '2'])
    expect(shortNames(['same', 'same'], 8)).toEqual(['1', '2'])
    expect(shortNames(['all'], 8)).toEqual(['all'])
    expect(shortNames([], 8)).toEqual([])
  })
})

describe('markup', () => {
  it('escapes text, keeps markup, joins lists, leaves out undefined', () => {
    expect(
      html`<p title="${'"'}">${'<'}${html`<b>${1}</b>`}${['&', html`<i></i>`]}${undefined}</p>`.markup,
    ).toBe('<p title="&quot;">&lt;<b>1</b>&amp;<i></i></p>')
  })
  it('leaves no sign that could open a tag or end an attribute', () => {
    fc.assert(fc.property(fc.string(), (text) => !/[<>"']/.test(escapeText(text))))
  })
})

describe('places for labels', () => {
  it('are as near as may be', () => {
    expect(spread([10, 12], 8, 0, 100)).toEqual([7, 15])
    expect(spread([50, 10], 8, 0, 100)).toEqual([50, 10])
    expect(linear(0, 1, 100, 0)(0.25)).toBe(75)
  })
  it('never overlap, leave the drawing or change their order', () => {
    const wishes = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(wishes, (wanted) => {
        const places = spread(wanted, 10, 0, 100)
        const order = wanted.map((want, n) => ({ want, n })).sort((a, b) => a.want - b.want)
        order.forEach(({ n }, rank) => {
          const place = places[n] ?? Number.NaN
          expect(place).toBeGreaterThanOrEqual(-0.01)
          expect(place).toBeLessThanOrEqual(100.01)
          const next = order[rank + 1]
          if (next) expect((places[next.n] ?? Number.NaN) - place).toBeGreaterThanOrEqual(9.98)
        })
      }),
    )
  })
})
