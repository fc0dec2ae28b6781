import { totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { machineMemory, processMemory } from './machine-memory-node.ts'

describe('memory of the machine', () => {
  it.each([
    ['no limit', 0, 8000],
    ['a limit', 2000, 2000],
    ['a limit that is more than there is, as older control groups say none', 2 ** 63, 8000],
  ])('with %s', (_, limit, memory) => {
    expect(machineMemory(8000, limit)).toBe(memory)
  })

  it('that is free counts what the process has already, and is no more than all', () => {
    expect(processMemory(8000, 3000, 500)).toEqual({ whole: 8000, free: 3500 })
    expect(processMemory(8000, 9000, 500)).toEqual({ whole: 8000, free: 8000 })
  })

  it('here is some, and no more than the machine has', () => {
    expect(machineMemory()).toBeGreaterThan(0)
    expect(machineMemory()).toBeLessThanOrEqual(totalmem())
  })
})
