import { expect, it } from 'vitest'
import { timesLine } from './times-line.ts'

it('says of the bar around all others that it is what they leave, and adds up the short ones', () => {
  const names = ['run step', 'holdfast learn', 'start', 'load', 'write', 'build step', 'read', 'hash']
  const times = names.map((name, at) => [name, 1000 * (names.length - at)] as const)
  expect(timesLine('t.json', times, 'holdfast learn')).toBe(
    'Profile: t.json, to be opened at https://ui.perfetto.dev. Seconds: run step 8.00, the rest of holdfast learn 7.00, start 6.00, load 5.00, write 4.00, build step 3.00, all others 3.00.',
  )
})
