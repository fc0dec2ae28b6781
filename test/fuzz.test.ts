import { expect, it } from 'vitest'
import { endingOf, endingOfTensors, fuzzedModel, fuzzedTensors, seeds } from './fuzz-models.ts'

/** Ends of so many damaged files, and which file it was that ended otherwise. */
function endings(count: number, file: (number: number) => Uint8Array, end: (bytes: Uint8Array) => string) {
  const found = new Map<string, number>()
  for (let number = 0; number < count; number++) {
    try {
      const code = end(file(number))
      found.set(code, (found.get(code) ?? 0) + 1)
    } catch (cause) {
      throw new Error(`File ${number} ended in an error that is not ours.`, { cause })
    }
  }
  return found
}

it('reads the files that are damaged afterwards', () => {
  for (const bytes of seeds) expect(endingOf(bytes)).toBe('read')
})

// More of them: node scripts/run.mjs scripts/fuzz-models.ts
it('ends in a model or an error of ours, whatever bytes of a file are changed', () => {
  const found = endings(400, fuzzedModel, endingOf)
  expect(found.get('read')).toBeGreaterThan(40)
  expect(found.size).toBeGreaterThan(8)
})

it('ends in tensors or an error of ours, whatever bytes of safetensors are changed', () => {
  const found = endings(400, fuzzedTensors, endingOfTensors)
  expect(found.size).toBeGreaterThan(3)
})
