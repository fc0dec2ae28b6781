import { describe, expect, it } from 'vitest'
import { type Report, reportText } from './text.ts'

const step = (threads: number, milliseconds: number) => ({
  threads,
  milliseconds,
  openingMilliseconds: 9,
  steps: 5,
})

const report = (one: number, all: number, load: number): Report => ({
  versions: { holdfast: '1', node: '20', onnxRuntime: '1' },
  platform: 'linux x64',
  processor: { model: 'X', all: 4, allowed: 4, cores: 4, quota: null, load, instructionSets: [] },
  memory: { totalBytes: 1, availableBytes: 1, limitBytes: null },
  packages: [],
  step: 'a step',
  devices: [{ device: 'cpu', opens: true, steps: [step(1, one), step(4, all)] }],
  auto: 'cpu',
  cache: { folder: 'c', from: 'home', files: 0, bytes: 0, rowBytes: 0, writable: true, freeBytes: null },
  data: { folder: null, exists: false, sets: [] },
})

describe('what holdfast doctor says of threads', () => {
  it('is what to do where one is faster than all', () => {
    const advice = 'one thread is the fastest here: train networks as small as this with --threads 1'
    expect(reportText(report(2, 5, 0))).toContain(advice)
    expect(reportText(report(5, 2, 0))).not.toContain(advice)
  })

  it('is to ask again where other programs run', () => {
    const advice = 'other programs run (load 3), which slows these steps: ask again when they have ended'
    expect(reportText(report(2, 5, 3))).toContain(advice)
    expect(reportText(report(2, 5, 1))).not.toContain('other programs')
  })
})
