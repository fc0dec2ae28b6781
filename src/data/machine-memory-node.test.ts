import { totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { machineMemory } from './machine-memory-node.ts'

describe('memory of the machine', () => {
  it.each([
    ['no limit', 0, 8000],
    ['a limit', 2000, 2000],
    ['a limit that is more than there is, as older control groups say none', 2 ** 63, 8000],
  ])('with %s', (_, limit, memory) => {
    expect(machineMemory(8000, limit)).toBe(memory)
  })

  it('here is some, and no more than the machine has', () => {
    expect(machineMemory()).toBeGreaterThan(0)
    expect(machineMemory()).toBeLessThanOrEqual(totalmem())
  })
})
