import { expect, it } from 'vitest'
import { MissingError } from './errors.ts'
import { itemAt, present, required } from './required.ts'

it('hands out what is there, values that are false in a condition too', () => {
  expect(required(new Map([['a', 0]]), 'a', 'weight')).toBe(0)
  expect(required(new Map([['a', '']]), 'a', 'name')).toBe('')
  expect(itemAt([1, 0], 1, 'row')).toBe(0)
  expect(itemAt(Float32Array.of(5), 0, 'row')).toBe(5)
  expect(present(false, 'answer')).toBe(false)
})

it('names the key that is missing and what there is', () => {
  const tensors = new Map(Array.from({ length: 10 }, (_, at) => [`t${at}`, at]))
  expect(() => required(tensors, 'x', 'tensor')).toThrow(
    /^tensor "x" is not there, though it has to be\. There is t0, .*, t7 and 2 more\. This is a fault of the program/,
  )
  expect(() => required(new Map<string, number>(), 'x', 'tensor')).toThrow(/There is none\./)
  expect(() => required(new Map([['x', undefined]]), 'x', 'tensor')).toThrow(MissingError)
})

it('names the place that is missing and the length', () => {
  const refused = expect.objectContaining({ code: 'missing' })
  expect(() => itemAt([1, 2], 2, 'row')).toThrow(/^row 2 is not there, .* There are 2\./)
  expect(() => itemAt([1, 2], -1, 'row')).toThrow(refused)
  expect(() => present(undefined, 'the head')).toThrow(/^the head is not there/)
})
