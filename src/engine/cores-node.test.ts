import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { coresOf, physicalCores } from './cores-node.ts'

const processor = (index: number, core: number, socket = 0) =>
  `processor\t: ${index}\nmodel name\t: Some CPU\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`
/** Four cores of two hardware threads each, as Linux numbers them: siblings are four apart. */
const hyperthreaded = Array.from({ length: 8 }, (_, index) => processor(index, index % 4)).join('\n')

describe('physical cores', () => {
  it('count two hardware threads of a core once', () => {
    expect(coresOf({ processors: 8, cpuinfo: hyperthreaded })).toBe(4)
  })

  it('count cores of two sockets that bear the same number', () => {
    const cpuinfo = [processor(0, 0, 0), processor(1, 1, 0), processor(2, 0, 1), processor(3, 1, 1)].join(
      '\n',
    )
    expect(coresOf({ processors: 4, cpuinfo })).toBe(4)
  })

  it('count those that the process is bound to', () => {
    const bound = (list: string, processors: number) =>
      coresOf({ processors, cpuinfo: hyperthreaded, status: `Name:\tnode\nCpus_allowed_list:\t${list}\n` })
    expect(bound('0-1', 2)).toBe(2)
    // Both hardware threads of one core.
    expect(bound('0,4', 2)).toBe(1)
    expect(bound('0-7', 8)).toBe(4)
  })

  it.each([
    ['200000 100000', 2],
    ['150000 100000', 2],
    ['50000 100000', 1],
    ['max 100000', 4],
  ])("keep to a container's quota of %s", (quota, cores) => {
    expect(coresOf({ processors: 8, cpuinfo: hyperthreaded, quota })).toBe(cores)
  })

  it('are the processors where nothing tells cores apart', () => {
    expect(coresOf({ processors: 6 })).toBe(6)
    expect(coresOf({ processors: 4, cpuinfo: 'processor\t: 0\nBogoMIPS\t: 50.00\n' })).toBe(4)
    expect(coresOf({ processors: 8, counted: 4 })).toBe(4)
  })

  it('of this machine are one or more, and no more than its processors', () => {
    expect(physicalCores()).toBeGreaterThanOrEqual(1)
    expect(physicalCores()).toBeLessThanOrEqual(availableParallelism())
  })
})
