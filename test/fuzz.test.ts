import { expect, it } from 'vitest'
import {
  endingOf,
  endingOfTensors,
  endingOfText,
  fuzzedModel,
  fuzzedTensors,
  fuzzedText,
  fuzzedTexts,
  seeds,
} from './fuzz-models.ts'

/** Ends of so many damaged files, and which file it was that ended otherwise. */
function endings<T>(count: number, file: (number: number) => T, end: (file: T) => string) {
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

it('reads or refuses files that once ended in an error of another kind', () => {
  expect(endingOf(fuzzedModel(2986))).toBe('read')
  expect(endingOf(fuzzedModel(5573))).toBe('model-damaged')
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

it.each(fuzzedTexts)(
  'ends in a value or an error of ours, whatever is changed in the text of a %s',
  (kind) => {
    const found = endings(
      300,
      (number) => fuzzedText(kind, number),
      (text) => endingOfText(kind, text),
    )
    expect(found.size).toBeGreaterThan(1)
  },
)
