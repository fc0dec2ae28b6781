import { expect, it } from 'vitest'
import { cellShade } from './heatmap.ts'
import { styleSheet } from './theme.ts'

type Colour = readonly [number, number, number]

const parse = (hex: string): Colour => {
  const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex
  const part = (n: number) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16)
  return [part(0), part(1), part(2)]
}
const luminance = (colour: Colour): number => {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0)
}
const contrast = (one: Colour, other: Colour): number => {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}
/** Variables of the light rule (the first) or the dark one (the last). */
const variables = (theme: 'light' | 'dark'): ReadonlyMap<string, Colour> => {
  const text = theme === 'light' ? styleSheet : styleSheet.slice(styleSheet.indexOf(':root[data-theme=dark]'))
  const rule = text.slice(0, text.indexOf('}'))
  return new Map(
    [...rule.matchAll(/--([a-z0-9-]+):#([0-9a-f]{3,6})/g)].map(([, name = '', hex = '']) => [
      name,
      parse(hex),
    ]),
  )
}
const look = (colours: ReadonlyMap<string, Colour>, name: string): Colour =>
  colours.get(name) ?? [Number.NaN, 0, 0]
const mix = (over: Colour, under: Colour, opacity: number): Colour => {
  const blend = (n: 0 | 1 | 2) => over[n] * opacity + under[n] * (1 - opacity)
  return [blend(0), blend(1), blend(2)]
}

it.each(['light', 'dark'] as const)('text, lines and bars stand out from both grounds in %s', (theme) => {
  const colours = variables(theme)
  for (const ground of ['bg', 'panel']) {
    const under = look(colours, ground)
    for (const text of ['ink', 'soft']) expect(contrast(look(colours, text), under)).toBeGreaterThan(4.5)
    expect(contrast(look(colours, 'accent'), under)).toBeGreaterThan(3)
    // The labels of the lines are text in the line's colour.
    for (let n = 0; n < 8; n++) expect(contrast(look(colours, `c${n}`), under), `c${n}`).toBeGreaterThan(4.5)
  }
  expect(contrast(look(colours, 'note-ink'), look(colours, 'note-bg'))).toBeGreaterThan(7)
})

it.each(['light', 'dark'] as const)('the number in every heat map cell can be read in %s', (theme) => {
  const colours = variables(theme)
  for (let percent = 0; percent <= 100; percent++) {
    const { opacity, text } = cellShade(percent / 100)
    const cell = mix(look(colours, 'heat'), look(colours, 'panel'), opacity)
    expect(contrast(look(colours, `on-${text}`), cell), `${percent} %`).toBeGreaterThan(4.2)
  }
})
