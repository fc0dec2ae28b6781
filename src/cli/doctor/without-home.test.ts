import { expect, test } from 'vitest'
import { withoutHome } from './without-home.ts'

test.each([
  ['/home/a', '/home/a/x: no file', '~/x: no file'],
  ['/home/a', 'in /home/a.', 'in ~.'],
  ['/home/a', '/home/ab/x and /home/a.old', '/home/ab/x and /home/a.old'],
  ['C:\\Users\\a (b)', 'C:\\Users\\a (b)\\x', '~\\x'],
  ['/', '/x', '/x'],
  [undefined, '/home/a', '/home/a'],
])('of a user at home in %s, %s is shown as %s', (home, text, shown) => {
  expect(withoutHome(home, { inner: [text] })).toEqual({ inner: [shown] })
})
