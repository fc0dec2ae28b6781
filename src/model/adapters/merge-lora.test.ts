import { expect, it } from 'vitest'
import { float32 } from '../../tensor/tensor.ts'
import { inGroups } from './merge-lora.ts'

it('merges layers together that have few weights, in their order, and a large one alone', () => {
  const sizes = [10, 20, 70, 200, 5, 5]
  const adapters = sizes.map((_, at) => ({ weight: `layer ${at}` }))
  const parameters = new Map(sizes.map((size, at) => [`layer ${at}`, float32([size])]))
  const groups = inGroups(adapters, { parameters }, 4 * 100)
  expect(groups.map((group) => group.map(({ weight }) => Number(weight.slice(6))))).toEqual([
    [0, 1, 2],
    [3],
    [4, 5],
  ])
  expect(inGroups(adapters, { parameters })).toEqual([adapters])
})
