import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placesOf } from './places.ts'

test('places of names are those that looking for each one gives', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd', '__proto__', ''))
  fc.assert(
    fc.property(names, names, (asked, list) => {
      expect(placesOf(asked, list)).toEqual(asked.map((name) => list.indexOf(name)))
    }),
  )
})
