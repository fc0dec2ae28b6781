import { expect, it } from 'vitest'
import { methodWarning } from './advice.ts'

it('warns of a penalty alone where classes are added to one output', () => {
  expect(methodWarning('ewc', 'class')).toContain('ewc+replay')
  expect(methodWarning('online-ewc', 'class')).toBeDefined()
  // These remember nothing that would hold classes apart.
  expect(methodWarning('sam+mas+weight-aligning', 'class')).toBeDefined()
})

it('is silent where the penalty works, or does not stand alone', () => {
  expect(methodWarning('ewc', 'task')).toBeUndefined()
  expect(methodWarning('ewc+replay', 'class')).toBeUndefined()
  expect(methodWarning('none', 'class')).toBeUndefined()
  expect(methodWarning('sam', 'class')).toBeUndefined()
})
