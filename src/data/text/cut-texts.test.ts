import { describe, expect, it } from 'vitest'
import { cutTexts } from './cut-texts.ts'

/** A text of so many tokens that a model of three reads. */
const text = (...tokens: readonly number[]) => ({
  ids: Int32Array.from(tokens.slice(0, 3)),
  lost: Math.max(0, tokens.length - 3),
})

const classes = (...values: readonly string[]) => ({
  kind: 'classification' as const,
  values,
  locate: (row: number) => `row ${row}`,
})

describe('texts that are cut', () => {
  it('are not spoken of where none is', () => {
    const cut = cutTexts(3, 'data')
    cut.add([text(1, 2), text(1, 2, 3)], classes('a', 'b'))
    expect(cut.notes()).toEqual([])
  })

  it('are counted, with the longest of them', () => {
    const cut = cutTexts(3, 'data')
    cut.add([text(1, 2, 3, 4), text(5, 6)], classes('a', 'b'))
    cut.add([text(7, 8, 9, 10, 11)], classes('a'))
    expect(cut.notes()).toEqual([
      'data: 2 of 3 texts are longer than the 3 tokens that the model reads (the longest has 5), and lose their end.',
    ])
  })

  it('are a warning where their labels differ only beyond the cut', () => {
    const cut = cutTexts(3, 'data')
    cut.add(
      [text(1, 2, 3, 4), text(1, 2, 3, 5), text(1, 2, 3, 6), text(7, 8, 9, 1)],
      classes('a', 'b', 'a', 'c'),
    )
    const [, warning, ...others] = cut.notes()
    expect(others).toEqual([])
    expect(warning).toContain(
      '3 of these texts are alike as far as the model reads, but have different labels',
    )
  })

  it('are no warning where those alike have one label', () => {
    const cut = cutTexts(3, 'data')
    cut.add([text(1, 2, 3, 4), text(1, 2, 3, 5)], classes('a', 'a'))
    expect(cut.notes()).toHaveLength(1)
  })
})
